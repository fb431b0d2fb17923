# A grader for the tests: no completion is correct. All its processes together judge so many completions (argument 2,
# counted in the lines of the file that is argument 1); asked for more, they die.
while read -r line; do
  echo >>"$1"
  [ "$(wc -l <"$1")" -le "$2" ] || exit 1
  id=${line#*\"id\":}
  echo "{\"id\": ${id%%,*}, \"correct\": false}"
done
