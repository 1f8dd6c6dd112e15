"""The keys of the application, of the explorer and of the lenses, in the order of the help."""

from textual.binding import BindingType

from nsview.model.view import GROUPINGS

from ..lenses import LENSES
from ..widgets.binding import Binding

APP: list[BindingType] = [
    Binding("q", "quit", "Quit", show=False),
    Binding("ctrl+p", "command_palette", "All commands", show=False),
    Binding("y", "copy", "Copy", show=False, tooltip="Copy something of this row: pid, inode, command, JSON …"),
    Binding("E", "export", "Export", show=False, tooltip="Write the rows to a file: JSON, CSV or SVG"),
]

EXPLORER: list[BindingType] = [
    Binding("colon", "app.jump", "Find", key_display=":", tooltip="Find a pid, container, port, veth, netns, image .."),
    Binding("e", "enter", "Shell", tooltip="Join the row's namespaces and open a shell there"),
    Binding(
        "x", "ready", "Run", tooltip="Run a ready command in there: ip, ss, tcpdump, nft, conntrack, lsof, ps, df .."
    ),
    Binding("L", "logs", "Logs", tooltip="The log of the row's container, from its engine's file, followed"),
    Binding("K", "signal", "Signal", show=False, tooltip="Send a signal to the process; copy what stops a container"),
    Binding("slash", "filter", "Filter", key_display="/", tooltip="Show only what matches (the words are below)"),
    *[
        Binding(
            str(number),
            f"group('{by}')",
            "Group by",
            show=False,  # the bar of groupings shows them
            key_display="0-9",
            tooltip="Group by: 0 tree, 1-8 the kind of namespace, 9 container; the selection stays",
        )
        for number, by in enumerate(GROUPINGS)
    ],
    Binding("right_square_bracket", "next_group", "Group by the next kind", show=False, key_display="]"),
    Binding(
        "left_square_bracket",
        "next_group(-1)",
        "Group by the previous kind",
        show=False,
        key_display="[",
        id="previous-group",
    ),
    Binding("tab", "app.focus_next", "Switch between the rows and their details", show=False),
    Binding(
        "space", "pause", "Pause", show=False, tooltip="Keep the rows still, and mark the changes; a recording: play it"
    ),
    *[Binding(lens.key, f"app.lens('{name}')", lens.word, tooltip=lens.tooltip) for name, lens in LENSES.items()],
    Binding("R", "app.elevate", "As root", tooltip="Become root through sudo, and read everything"),
    Binding("v", "mark", "Mark", show=False, tooltip="Mark the row, to compare it with another; again: unmark it"),
    Binding("c", "compare", "Compare", show=False, tooltip="Compare the two marked rows, or the one with this"),
    Binding("s", "sort", "Sort", show=False, tooltip="The order of groups and processes, and more columns"),
    Binding("t", "nest", "Nest", tooltip="Namespaces below their parent or owner, or side by side"),
    Binding("d", "toggle_details", "Details", tooltip="Show or hide the details"),
    Binding("f", "fold_all", "Fold", show=False, tooltip="Fold all groups, or unfold them"),
    Binding("H", "holders", "Search the holders of namespaces: threads, files, sockets, mounts", show=False),
    Binding("r", "rescan", "Look again now", show=False),
    Binding("escape", "clear_filter", "Clear the filter", show=False),
    Binding("o", "follow", "Related", tooltip="Things related to this row: parent, shim, daemon, namespaces, owner .."),
    Binding("n", "next_match", "Next row that matches the filter, or the last one if it is cleared", show=False),
    Binding("N", "next_match(-1)", "Previous such row", show=False, id="previous-match"),
    Binding(
        "O", "only", "Only matches", show=False, tooltip="A filter leaves matches alone, or with their groups' others"
    ),
    Binding("backspace,alt+left", "back", "Back to the grouping, filter and row before", show=False),
    Binding("alt+right", "forward", "Forward again", show=False),
    Binding("question_mark", "app.help", "Help", key_display="?"),
    Binding("f1", "app.help", "Help", show=False),
    Binding("q", "app.quit", "Quit"),
]

TIME: list[BindingType] = [
    Binding("space", "play", "Play", show=False, tooltip="Play the recording, or rest"),
    Binding("full_stop", "step", "Step", show=False, key_display=".", tooltip="The next change of anything"),
    Binding("comma", "step(-1)", "Step back", show=False, key_display=",", id="step-back"),
    Binding("greater_than_sign", "change", "Change", show=False, key_display=">", tooltip="The next change of the row"),
    Binding(
        "less_than_sign", "change(-1)", "The change of this row before", show=False, key_display="<",
        id="previous-change",
    ),
    Binding("at", "moment", "Moment", show=False, key_display="@", tooltip="Go to a moment: 03:12, +5m, -1h"),
]  # fmt: skip
"""The keys of a recording that is played."""

LENS: list[BindingType] = [
    Binding("colon", "app.jump", "Find", key_display=":", tooltip="Find a pid, container, port, veth, netns, image .."),
    Binding("slash", "filter", "Filter", key_display="/", tooltip="Show only what matches (the words are below)"),
    Binding("e", "enter", "Shell", tooltip="Join the namespaces behind the line and open a shell there"),
    Binding("x", "ready", "Run", show=False, tooltip="Run a ready command in there: ip, ss, tcpdump, nft, ps, df .."),
    Binding("L", "logs", "Logs", show=False, tooltip="The log of the line's container, followed"),
    Binding("K", "signal", "Signal", show=False, tooltip="Send a signal to the process; copy what stops a container"),
    Binding("d", "toggle_details", "Details", tooltip="Show or hide the details"),
    Binding("v", "mark", "Mark", show=False, tooltip="Mark the line, to compare it with another; again: unmark it"),
    Binding("c", "compare", "Compare", show=False, tooltip="Compare the two marked lines, or the one with this"),
    Binding("tab", "app.focus_next", "Switch between the lines and their details", show=False),
    Binding("n", "next_match", "Next line that matches the filter, or the last one if it is cleared", show=False),
    Binding("N", "next_match(-1)", "Line before that matches the filter", show=False, id="previous-match"),
    *[Binding(lens.key, f"app.lens('{name}')", lens.word, show=False) for name, lens in LENSES.items()],
    Binding("question_mark", "app.help", "Help", key_display="?"),
    Binding("f1", "app.help", "Help", show=False),
    Binding("escape,q", "back", "Back", tooltip="Clear the filter; back to where it was opened", id="close"),
]
