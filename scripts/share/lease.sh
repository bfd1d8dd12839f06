# shellcheck shell=sh disable=SC2034,SC2154 # a part of clb-operator, sourced by it
#
# lease.sh: of several balancers one acts. A Lease (coordination.k8s.io/v1) says
# which: it is written only from the version that was read, so of two that write
# at once one is refused. Clocks are not compared: a Lease has expired when it has
# not changed for its duration by the clock of who looks.
#
#   $lease                   which: NAMESPACE/NAME
#   $lease_seconds           how long it holds; it is renewed three times in that
#   $identity                who we are; another process with our state is us

lease_ns=${lease%/*}
lease_name=${lease#*/}
lease_path=/apis/coordination.k8s.io/v1/namespaces/$lease_ns/leases
lease_next=0	# when to look at it again, by uptime
lease_until=0	# until when it is ours
lease_seen=	# what it was like when we saw it change,
lease_since=0	# and when that was
lease_other=	# another holds it, as far as we know

uptime() {
	read -r now _ </proc/uptime
	now=${now%.*}
}

# lease_write VERB PATH HOLDER: from $work/lease, or anew; the answer is there then.
lease_write() {
	jq -c --arg name "$lease_name" --arg ns "$lease_ns" --arg holder "$3" \
	    --argjson seconds "$lease_seconds" --arg now "$(date -u +%Y-%m-%dT%H:%M:%S.000000Z)" '
		.apiVersion = "coordination.k8s.io/v1" | .kind = "Lease" |
		.metadata.name = $name | .metadata.namespace = $ns |
		(.spec.holderIdentity != $holder) as $new |
		.spec.leaseTransitions = (.spec.leaseTransitions // -1) + (if $new then 1 else 0 end) |
		.spec.acquireTime = (if $new then $now else .spec.acquireTime end) |
		.spec.holderIdentity = $holder | .spec.leaseDurationSeconds = $seconds |
		.spec.renewTime = $now' "$work/lease" >"$work/lease.new" &&
		api "$1" --raw "$2" -f "$work/lease.new" &&
		mv -f "$work/answer" "$work/lease"
}

# lease_try: have the Lease, and for longer. Fails if it is another's, or if we
# cannot know.
lease_try() {
	begun=$now
	lease_other=
	if [ ! -s "$work/lease" ]; then
		if api get --raw "$lease_path/$lease_name"; then
			mv -f "$work/answer" "$work/lease"
		elif grep -q NotFound "$work/refusal"; then
			echo '{}' >"$work/lease"
			if lease_write create "$lease_path" "$identity"; then
				lease_until=$((begun + lease_seconds))
				return
			fi
			rm -f "$work/lease"
			return 1
		else
			return 1
		fi
	fi
	holder=$(jq -r '.spec.holderIdentity // ""' "$work/lease")
	if [ "$holder" != "$identity" ] && [ -n "$holder" ]; then
		mark=$(jq -r .metadata.resourceVersion "$work/lease")
		if [ "$mark" != "$lease_seen" ]; then
			lease_seen=$mark lease_since=$now
		fi
		if [ $((now - lease_since)) -lt "$(jq '.spec.leaseDurationSeconds // 0' "$work/lease")" ]; then
			rm -f "$work/lease"	# to be read again
			lease_other=1
			return 1
		fi
	fi
	if lease_write replace "$lease_path/$lease_name" "$identity"; then
		lease_until=$((begun + lease_seconds))
		return
	fi
	rm -f "$work/lease"
	return 1
}

# held: whether the Lease is ours, after having done for it what is due.
held() {
	uptime
	if [ "$now" -ge "$lease_next" ]; then
		if lease_try; then
			lease_next=$((now + lease_seconds / 3))
		else
			lease_next=$((now + (lease_seconds > 15 ? 5 : lease_seconds / 3)))
		fi
	fi
	[ "$now" -lt "$lease_until" ]
}

# lease_release: whoever waits need not wait longer.
lease_release() {
	[ "$now" -ge "$lease_until" ] || [ ! -s "$work/lease" ] ||
		lease_write replace "$lease_path/$lease_name" '' || :
}
