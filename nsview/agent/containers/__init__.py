"""Containers without asking a daemon: one file per runtime, with the interface that `supervisor` describes.

identify    the containers there are, and whose each process is
authority   the configuration that decides what a command in one container may do
supervisor  the processes of a host as a runtime's file sees them
"""
