# Lists function bodies as "file  first line  lines  head", tab-separated: a brace whose words before it end in a
# parameter list, outside any other function. Lambdas and blocks inside a function count as its lines.
FNR == 1 { depth = 0; inside = 0; text = ""; in_comment = 0 }
/^ *#/ { next }
{
  code = $0
  gsub(/\\./, "", code)
  gsub(/"[^"]*"/, "\"\"", code)
  gsub(/'[^']'/, "''", code)
  sub(/\/\/.*$/, "", code)
  for (i = 1; i <= length(code); ++i) {
    c = substr(code, i, 1)
    if (c == "{") {
      ++depth
      if (!inside && text ~ /[)] *(const|noexcept|override|final|&|mutable|->[^;={}]*| )*$/ && text !~ /=[^=()]*$/) {
        inside = depth; first = FNR; head = text
        gsub(/^ +/, "", head); gsub(/[\t ]+/, " ", head)
      }
      text = ""
    } else if (c == "}") {
      if (depth == inside) { printf "%s\t%d\t%d\t%s\n", FILENAME, first, FNR - first, substr(head, 1, 80); inside = 0 }
      --depth
      text = ""
    } else if (c == ";") text = ""
    else if (!inside) text = text c
  }
  if (text != "") text = text " "
}
