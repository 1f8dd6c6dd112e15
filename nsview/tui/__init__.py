"""The explorer: screens and widgets, one widget a file. It draws snapshots and never looks at the host itself.

app         the application: the host's feed, the way into a namespace and back, becoming root
driver      Textual's driver of a Linux terminal, which frees the keyboard sooner
messages    the messages between the feed, the widgets and the screen
pace        the settings of the interpreter and Textual for quick answers to keys
first       the first picture, painted before Textual is imported
colours     the colours of the first picture, as Textual makes them of the themes
opening     the view and the cursor after the first snapshot
themes      a theme for people who see fewer colours

The main screen
explorer    the main screen
listing     the list of rows, drawn a line at a time
draw        a row as styled pieces of text
bars        the two lines above the rows, as styled pieces of text
kindbar     the grouping of the rows, one key or click each
status      the host, its numbers, and what could not be read
filterline  the line where a filter is typed, and its errors and completions
arrange     the menu of orders and columns
hint        the hint for new users
marks       the processes that are marked for a comparison
trail       the places visited before, back and forward
details     the pane about the chosen row
contents    the contents of a namespace in that pane, one file per kind

Lenses and dialogs
lens        the base of a lens: a question answered on a screen of its own
table       the table of a lens, drawn a line at a time
matrix      a lens: the namespaces of containers, a column a kind
netmap      a lens: every net namespace from within, as a table or drawn
audit       a lens: findings about containers, the worst first
compare     a lens: two processes side by side
dialog      the kinds to join and the command, before joining
goto        the things to go to, and a line that narrows them
takeaway    the texts to copy or to write into a file
palette     Textual's command palette: all actions by name, and the ready commands
help        the keys, from the bindings themselves, and the kinds of namespace

Parts
lines       many lines of which only the visible and changed ones are drawn
cursor      a cursor on one of many lines below a header
bar         a line across the screen, of styled pieces of text
pane        a text that scrolls with the keys of lists
menu        a short list to choose from
binding     bindings with a name, for the configuration file
keymap      the keys that a configuration file gives to actions, checked
keys        the keys that work here, in the line at the bottom
"""
