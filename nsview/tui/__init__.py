"""The explorer: screens and widgets, one widget a file. It draws snapshots and never looks at the host itself.

app        the application: the host's feed, the way into a namespace and back, becoming root
explorer   the main screen
listing    the list of rows, drawn a line at a time
draw       what a row looks like, as styled pieces of text
bars       what stands in the two lines above the rows, as such pieces
opening    what of the first snapshot is shown, and where the cursor is
first      the first picture, painted before Textual is there
colours    the colours of that, which Textual makes of the themes
details    the pane about the chosen row
contents   what is told in it of what a namespace holds, one file per kind
kindbar    what the rows are grouped by
status     the host, its numbers, and what could not be read
dialog     what to join, before joining it
matrix     a lens: who is in which namespace
audit      a lens: what of containers should be looked at
compare    a lens: two processes side by side
help       the keys, from the bindings themselves, and the kinds of namespace
messages   all that is said between the feed and the screen
"""
