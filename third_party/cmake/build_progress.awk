# Reads what a build prints, keeps all of it in the file `log`, and says at every fifth of the steps how far it is.
# Called by build_dependency.cmake: awk -v name=NAME -v log_file=FILE -f build_progress.awk
{ print > log_file }
match($0, /^\[ *[0-9]+(\/[0-9]+|%)\]/) {  # ninja counts steps, make per cent
  split(substr($0, 2, RLENGTH - 2), part, "[/%]")
  per_cent = part[2] > 0 ? int(100 * part[1] / part[2]) : part[1] + 0
  if (per_cent >= next_shown && per_cent < 100) {
    if (per_cent >= 20) { printf "--   %s: %d%%\n", name, per_cent - per_cent % 20; fflush() }
    next_shown = per_cent - per_cent % 20 + 20
  }
}
