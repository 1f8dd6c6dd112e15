"""The parts of a screen, one widget a file.

binding      keys with a name, which a configuration file can change
entry_line   a line of text whose keys keep their order
line_view    many lines, of which a screenful is drawn
cursor       a cursor on one of many lines
row_list     the rows of the explorer
table        the lines of a lens
details      the pane about the chosen row
pane         a column of text
filter_line  the line where a filter is typed, and the note below it
bar          a line of styled pieces
status       the line at the top
kind_bar     the groupings, in a line
time_line    the times of a recording that is played
footer       the keys, in the line at the bottom
hint         the words for a new user
"""
