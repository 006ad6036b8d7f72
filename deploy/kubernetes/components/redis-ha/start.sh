#!/bin/sh
# start.sh redis|sentinel: writes a first configuration to the pod's own volume, once, and starts the daemon.
# Both daemons rewrite their file when the leader changes, so it is never templated over and never read-only.
set -eu
role=$1 file=/data/$1.conf me=$(hostname).redis
# Who leads now, by any Sentinel that answers; the first pod when nobody does.
leader=
for peer in redis-0 redis-1 redis-2; do
  leader=$(REDISCLI_AUTH=$REDIS_PASSWORD timeout 2 redis-cli -h "$peer.redis" -p 26379 --raw sentinel get-master-addr-by-name rampart 2>/dev/null | head -1) || true
  [ -z "$leader" ] || break
done
[ -n "$leader" ] || leader=redis-0.redis
case $role in
  redis)
    if [ ! -e "$file" ]; then
      {
        echo "save \"\""
        echo "appendonly no"
        echo "maxmemory 128mb"
        echo "maxmemory-policy volatile-ttl"
        echo "requirepass $REDIS_PASSWORD"
        echo "masterauth $REDIS_PASSWORD"
        echo "replica-announce-ip $me"
        [ "$leader" = "$me" ] || echo "replicaof $leader 6379"
      } > "$file"
    fi
    exec redis-server "$file";;
  sentinel)
    if [ ! -e "$file" ]; then
      {
        echo "sentinel resolve-hostnames yes"
        echo "sentinel announce-hostnames yes"
        echo "sentinel announce-ip $me"
        echo "requirepass $REDIS_PASSWORD"
        echo "sentinel sentinel-pass $REDIS_PASSWORD"
        echo "sentinel monitor rampart $leader 6379 2"
        echo "sentinel auth-pass rampart $REDIS_PASSWORD"
        echo "sentinel down-after-milliseconds rampart 1000"
        echo "sentinel failover-timeout rampart 5000"
      } > "$file"
    fi
    exec redis-sentinel "$file";;
esac
