# Which packages changes since a revision affect: what `since` tells, from what git says of the index and the work tree.
# It prints the answer and ends with 0, or prints nothing and ends with 1, where keys have to tell.
#
# Streams: 1 the script with what there is to know of the revision; 2 `git diff-index --cached` and of `git ls-files -v
# -s -m -d --debug` the lines that do not begin with H, and those of what changed since the revision was looked at; 3 the
# revision's commit, the digests of the script, of the folders' stamps and of nothing, and `git ls-files -v -o`, or = where that is
# what the script says. The latter two streams end with a dot.

function quoted(text) {
    gsub(/'/, "'\\''", text)
    return "'" text "'"
}

function is_plain(mode) {
    return mode == "000000" || mode == "100644" || mode == "100755"
}

function ends(text, end) {
    return substr(text, length(text) - length(end) + 1) == end
}

# Returns the folder of the package that a path belongs to, "" for none.
function owner(path) {
    while (sub(/\/[^\/]*$/, "", path)) if (path in package) return path
    return "." in package ? "." : ""
}

# A path is not what it was; `is_new`: or there was none, or there is none now.
function change(path, is_new,    folder, inside, number) {
    if (path ~ /^"|(^|\/)(pyproject\.toml|uv\.lock)$/) failed = 1
    if (is_new && is_default && index("/" path, "/tests/")) failed = 1
    for (number = 1; number <= patterns; number++)
        if (index(path, begin[number]) == 1 && ends("/" path, end[number])) failed = 1
    folder = owner(path)
    if (folder == "") return
    changed[package[folder]]
    inside = folder == "." ? path : substr(path, length(folder) + 2)
    if (inside !~ /^tests\// && inside !~ /^[^\/]*\.(md|rst)$/) sources[package[folder]]
}

# Remember a path whose content on the disk must be this, or anything else than this.
function look(path, id, is_same) {
    if (++looks > 200 || path ~ /^"/) failed = 1
    expected[looks] = id
    same[looks] = is_same
    all = all " " quoted(path)
}

function untracked(path) {
    if (path in before || ends(path, "/")) failed = 1
    look(path, "", 0)
    change(path, 1)
}

BEGIN { FS = "\t" }
FNR == 1 { stream++ }

stream == 1 && $1 == "" && $2 == "revision" { commit = $3; is_default = $4; seen = $5; next }
stream == 1 && $1 == "" && $2 == "member" { names[++members] = $3; package[$4] = $3; next }
stream == 1 && $1 == "" && $2 == "named" { begin[++patterns] = $3; end[patterns] = $4; next }
stream == 1 && $1 == "" && $2 == "job" { of[++jobs] = $3; task[jobs] = $4; json[jobs] = $5; upstream[jobs] = $6; next }
stream == 1 && $1 == "" && $2 == "other" { other[$3]; next }
stream == 1 && $1 == "" && $2 == "added" { added[$3]; next }
stream == 1 && $1 == "" && $2 == "gone" { gone[$3]; next }
stream == 1 { next }

$0 == "." { dots++; next }

stream == 2 { tag = substr($0, 1, 1) }
stream == 2 && tag == ":" {
    split(substr($1, 2), about, " ")
    if (!is_plain(about[1]) || !is_plain(about[2]) || about[5] == "U") failed = 1
    before[$2] = about[1] == "000000" ? "" : about[3]
    was[$2] = before[$2] != "" && about[2] != "000000"
    if (about[2] == "000000") out[$2]
    next
}
stream == 2 && tag == "H" { record = $0; next }
stream == 2 && tag == "C" { modified[$2]; record = ""; next }
stream == 2 && tag == "R" { deleted[$2]; record = ""; next }
stream == 2 && tag != " " && $0 != "--" { failed = 1 }
stream == 2 {
    if (record == "" || substr($0, 3, 5) != "ctime") next
    young[++youths] = record
    if (substr($0, 10) + 0 > latest) latest = substr($0, 10) + 0
    next
}

FNR == 1 { if ($0 != commit) failed = 1; next }
FNR == 2 { if (!index(script, substr($0, 1, 64))) failed = 1; next }
FNR <= 4 { next }
$0 == "=" { is_known = 1; next }
{ untracked(substr($0, 3)) }

END {
    if (failed || dots != 2) exit 1
    srand()
    now = srand()
    if (now < seen) exit 1 # the clock was set back: what is new may look old
    if (youths && latest + 3 < now) exit 1 # git is right of these too by now, which is worth to be kept
    if (is_known) {
        # What git's index has no more may be untracked now.
        for (path in added) if (!(path in before)) exit 1
        for (path in out) if (!(path in gone)) exit 1
        for (path in other) if (!(path in before) || before[path] != "") untracked(path)
    }
    for (number = 1; number <= youths; number++) {
        split(young[number], about, "\t")
        path = about[2]
        if (path in modified || path in deleted) continue
        split(about[1], about, " ")
        look(path, about[3], 1)
    }
    for (path in before) {
        if (path in deleted) {
            if (before[path] != "") change(path, 1)
        } else {
            # It may have become again what it was.
            if (path in modified) look(path, before[path], 0)
            change(path, !was[path])
        }
    }
    for (path in modified) if (!(path in deleted || path in before)) { look(path, "", 0); change(path, 0) }
    for (path in deleted) if (!(path in before)) change(path, 1)
    if (failed) exit 1
    if (looks) {
        command = "for each in" all "; do [ -f \"$each\" ] && ! [ -L \"$each\" ] || exit 1; done;" \
            " exec git hash-object --no-filters --" all
        for (number = 1; number <= looks; number++)
            if ((command | getline id) <= 0 || (id == expected[number]) != same[number]) exit 1
        close(command)
    }
    for (number = 1; number <= jobs; number++) {
        hit = of[number] in changed
        count = hit ? 0 : split(upstream[number], above, " ")
        for (each = 1; each <= count && !hit; each++) hit = above[each] in sources
        if (!hit) continue
        found[task[number]]
        if (tasks != "" && !index(tasks " ", " " task[number] " ")) continue
        affected[of[number]]
        rows = rows (rows == "" ? "" : ", ") json[number]
    }
    count = split(tasks, wanted, " ")
    for (each = 1; each <= count; each++) if (!(wanted[each] in found)) exit 1 # it may be none
    if (form == "json") print "[" rows "]"
    else for (number = 1; number <= members; number++) if (names[number] in affected) print names[number]
}
