"""Containers without asking a daemon: one file per runtime, with the interface that `supervisor` describes.

identify     the containers there are, and the container of each process
condition    the condition of a container: paused, restarting, without a shim
directories  the directories in which engines keep state
authority    the configuration that decides the rights of a command in one container
supervisor   the processes of a host as a runtime's file sees them
witness      the maker of each piece of evidence, by the kernel's word
docker       names and images, from the daemon's own files
containerd   the shims' command lines and bundles, and the daemon that a shim serves
podman       containers and pods of root and of users, by conmon and the storage
crio         a pod's sandbox and containers, by conmon and the bundle's annotations
conmon       the monitor that podman and cri-o put beside each container
stopped      the containers without a process, by their engines' records
cri          those of Kubernetes on containerd
kubernetes   the files that the kubelet leaves of a pod, whatever its runtime
runc         plain runc and crun, by the state that these keep; steps of buildkit
lxc          LXC, LXD and Incus, by the monitor of each container
nspawn       systemd-nspawn, by the process that watches over a machine
logs         the log of one container, where its engine keeps it as a file
"""
