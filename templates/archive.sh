# Written by odpm. PostgreSQL's archive_command: sh archive.sh FOLDER PATH NAME
# Keeps a finished segment of the log, pressed, under its own name, and never another one in its place.
set -u
kept=$1/$3.gz
new=$1/.$3.new
if [ -e "$kept" ]; then
    # After a crash PostgreSQL tries again what was done. What differs comes from another cluster.
    gzip -dc "$kept" | cmp -s - "$2" && exit 0
    echo "$kept is there already and holds something else" >&2
    exit 1
fi
umask 027
gzip -nc1 "$2" >"$new" && sync "$new" && mv "$new" "$kept" && sync "$1" && exit 0
rm -f "$new"
exit 1
