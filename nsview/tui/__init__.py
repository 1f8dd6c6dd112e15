"""The explorer: screens, their widgets and their texts. It draws snapshots and never reads the host itself.

Floors, each of which imports only those below it: apps, screens, widgets, text. The session is below them all.

fleet_app      the application for several hosts
app            the application: screens over one another, themes, signals
drawn_app      the app as it is drawn: colours, the last filters, the driver
open_lenses    the lenses that are open, each over another screen
session        one host: its snapshots as they arrive, and answers to requests; without Textual
answers        the answers to requests, awaited
inbox          snapshots and events on their way from a thread to the event loop
silence        the silence of an agent that was asked
fleet          several hosts, each by a session of its own
readings       the answers of one of them to the questions of a lens over all
context        the things that every screen works with
ending         the ends that come from outside: signals, a terminal that is gone
entrance       the way out of the screen and back, for a command in namespaces and for sudo's question
messages       messages from widgets to their screen, and from screens to the application
screens        the explorer, the lenses, the dialogs
widgets        the parts of a screen
text           the words of a row or pane, as styled pieces
lenses         the lenses by name
keymap         the keys that a configuration file gives to actions
trail          the places before and after the one that is shown
marks          the marks of rows
first_view     the view that the explorer begins with
first_picture  the first picture, painted before Textual is imported
colours        the colours of the first picture
contrast       text colours that stand out from their background
legible        the same of all that is drawn, at last
driver         Textual's driver of a terminal, with a quicker way out
gc_pace        garbage collection out of the way of keys
textual_private  the private names of Textual that are used
themes         themes for people who see fewer colours, and for terminals that have few
"""
