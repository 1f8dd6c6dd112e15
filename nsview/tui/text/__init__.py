"""The words on the screen, as styled pieces of text; without Textual.

row_text     a row of the explorer
row_details  the details of such a row
bar_text     the two lines above the rows
time_text    the time line of a recording
use_text     the details of a container or a process in the table of use
contents     the content of a namespace, one file a kind
parts        titles, headings and tables of facts, of which details are made
links        texts that lead to the row of a thing, by a click
pieces       styled pieces of text, and words for numbers
"""
