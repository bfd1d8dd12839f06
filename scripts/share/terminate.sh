# shellcheck shell=sh # a part of the scripts that run others, sourced by them
#
# terminate PID...: TERM, and once more a moment later: what has only just been forked
# is still this shell, and forgets the first one when it takes our traps away. Then it
# could open a pipe that nobody will open at the other end.
terminate() {
	kill "$@" 2>/dev/null || :
	sleep 0.1
	kill "$@" 2>/dev/null || :
}
