"""The events between two snapshots of one host, or between two readings of its net namespaces. Pure.

An event is claimed only where both sides are known: a namespace that can't be read any more is not gone, one that a
search has found is not new, and a name that could not be read is no other name.

record      an event, and the parts that all sorts of them are made of
between     the events from one snapshot to a later one
containers  containers that have started, stopped, or are otherwise than before
namespaces  namespaces that were born or are gone, and processes that have gone from one to another
nets        interfaces and listeners that have come, or are gone
follower    the events of a host, from all that it says one after the other
lines       events as lines of a table, and the fields by which a filter finds them
"""
