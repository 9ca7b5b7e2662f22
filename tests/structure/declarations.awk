# Lists what a header declares at namespace scope, one per line, tab-separated:
#   file  line  kind  name  doc  hidden  text
# kind: namespace, type, concept, function or variable. doc: 1 when a /// comment stands above, with no blank line
# between; a declaration right below a documented one, no blank line between, shares its comment. hidden: 1 in a
# namespace detail or an unnamed one. A heuristic for this library's style, not a C++ parser: it counts braces, outside
# comments and strings, and looks at the words before them.

function reset() { text = ""; start = 0; parens = 0 }

# without comments, strings and character literals; block comments may span lines
function code_of(line,    out, c, two, quote, i, n) {
  out = ""; n = length(line)
  for (i = 1; i <= n; ++i) {
    c = substr(line, i, 1); two = substr(line, i, 2)
    if (in_comment) { if (two == "*/") { in_comment = 0; ++i } continue }
    if (two == "//") break
    if (two == "/*") { in_comment = 1; ++i; continue }
    if (c == "\"" || (c == "'" && out !~ /[0-9a-fA-F]$/)) {
      quote = c
      for (++i; i <= n && substr(line, i, 1) != quote; ++i) if (substr(line, i, 1) == "\\") ++i
      out = out quote quote
      continue
    }
    out = out c
  }
  gsub(/__launch_bounds__[(][^()]*[)]/, "", out)  # looks like a function's name
  return out
}

# the rest of s after the bracketed group that it starts with
function after_group(s,    depth, i, c) {
  for (i = 1; i <= length(s); ++i) {
    c = substr(s, i, 1)
    if (index(s, "<") == 1 && c == "(") { i += length(s) - i - length(after_group(substr(s, i))); continue }
    if (c == "(" || c == "{" || c == "<" && index(s, "<") == 1) ++depth
    else if (c == ")" || c == "}" || c == ">" && index(s, "<") == 1 && substr(s, i - 1, 1) != "-")
      if (--depth == 0) break
  }
  return substr(s, i + 1)
}

# drops a leading "template <...> requires ...", however nested
function without_template(s) {
  while (s ~ /^ *template *</) {
    s = after_group(substr(s, index(s, "<")))
    if (s !~ /^ *requires[ (]/) continue
    sub(/^ *requires */, "", s)
    do {  # one operand of && and ||: a group, a requires-expression, or a name with template arguments
      sub(/^ *(&&|\|\|)? *!?/, "", s)
      if (s ~ /^requires/) { sub(/^requires */, "", s); if (s ~ /^\(/) s = after_group(s); s = after_group(s) }
      else if (s ~ /^\(/) s = after_group(s)
      else { sub(/^[A-Za-z_0-9:]+ */, "", s); if (s ~ /^</) s = after_group(s) }
    } while (s ~ /^ *(&&|\|\|)/)
  }
  return s
}

function without_parentheses(s) {
  while (match(s, /[(][^()]*[)]/)) s = substr(s, 1, RSTART - 1) substr(s, RSTART + RLENGTH)
  return s
}

function without_attributes(s) {
  gsub(/\[\[[^]]*\]\]/, "", s)
  gsub(/__attribute__ *\(\([^()]*(\([^()]*\))?[^()]*\)\)/, "", s)
  gsub(/alignas *\([^()]*\)/, "", s)
  return s
}

function kind_of(s, brace,    bare) {
  if (s ~ /^ *(inline +)?namespace( |$)/) return "namespace"
  if (s ~ /^ *extern *""/ && brace) return "namespace"
  if (s ~ /^ *(using|typedef|static_assert|friend|extern +template|template +[^<])/) return "other"
  bare = without_attributes(without_template(s))
  if (bare ~ /^ *using /) return "other"
  if (bare ~ /^ *concept /) return "concept"
  if (bare ~ /^ *(struct|class|union|enum)( |$)/ && bare !~ /\) *(const *)?(noexcept *)?$/)
    return brace ? "type" : "other"
  gsub(/operator *([^A-Za-z_ (]+|\(\))/, "operator_", bare)
  bare = without_parentheses(bare) (bare ~ /[(]/ ? "()" : "")
  if (bare ~ /=/ && bare !~ /= *(default|delete) *\(\)$/) return "variable"
  if (bare ~ /[(][)]$/ && s !~ /^ *[A-Z_0-9]+ *\([^()]*\) *$/) return "function"
  return bare ~ /[A-Za-z_]/ ? "variable" : "other"
}

function name_of(s, kind,    bare) {
  bare = without_attributes(without_template(s))
  if (kind == "type" || kind == "concept") {
    sub(/^ *(struct|class|union|enum +class|enum +struct|enum|concept) +/, "", bare)
    if (bare ~ /^[A-Za-z_0-9:]+ *</) return ""  # a specialisation: the primary template carries the comment
    sub(/[^A-Za-z_0-9].*$/, "", bare)
    return bare
  }
  if (kind == "function") {
    if (bare ~ /operator/) return "operator"
    if (bare ~ /^ *[A-Za-z_0-9]+ *\(.*\) *->/) return ""  # a deduction guide
    sub(/ *\(.*$/, "", bare)
    sub(/ *<[^<>]*> *$/, "", bare)
    if (bare ~ /::[A-Za-z_0-9~]+$/ && bare !~ / /) return ""
    sub(/^.*[^A-Za-z_0-9:~]/, "", bare)
    return bare ~ /::/ ? "" : bare  # defined out of its class, where it was declared and described
  }
  sub(/ *[={].*$/, "", bare)
  gsub(/\[[^]]*\]/, "", bare)
  sub(/ *<[^<>]*> *$/, "", bare)
  sub(/ +$/, "", bare)
  sub(/^.*[^A-Za-z_0-9]/, "", bare)
  return bare
}

function declare(kind,    name, doc) {
  doc = documented || shared_until == start - 1
  pass_on = doc
  if (kind == "other") return
  name = name_of(text, kind)
  gsub(/[\t ]+/, " ", text)
  if (name != "")
    printf "%s\t%d\t%s\t%s\t%d\t%d\t%s\n", FILENAME, start, kind, name, doc, (hidden > 0), substr(text, 1, 300)
}

function namespace_open(s,    name) {
  name = s
  sub(/^.*namespace */, "", name)
  ++depth
  kinds[depth] = "N"
  hides[depth] = (name ~ /(^|::)detail *$/ || name ~ /^ *$/)
  hidden += hides[depth]
  printf "%s\t%d\tnamespace\t%s\t0\t%d\t%s\n", FILENAME, start ? start : FNR, name, (hidden > 0), s
}

function at_namespace_scope() { return depth == 0 || kinds[depth] == "N" }

function open_brace(kind) {
  if (!at_namespace_scope()) { ++depth; kinds[depth] = "B"; return }
  kind = kind_of(text, 1)
  if (kind == "namespace") { namespace_open(text); reset(); documented = 0; return }
  ++depth
  # a constraint's or an initialiser's braces are inside the declaration, which goes on after them
  if (parens > 0 || kind == "variable" || kind == "concept" || text ~ /requires *(\(.*\))? *$/ || text ~ /[=,(] *$/) {
    kinds[depth] = "I"
    text = text " {}"
    return
  }
  declare(kind)
  kinds[depth] = (kind == "type") ? "T" : "F"
}

function close_brace(kind) {
  kind = kinds[depth]
  if (kind == "N") hidden -= hides[depth]
  if (depth > 0) --depth
  if (!at_namespace_scope()) return
  if (kind == "I") return
  if (kind == "T") { closing_type = 1; reset(); return }
  finish()
}

function finish() {
  reset()
  documented = 0
  shared_until = pass_on ? FNR : 0
  pass_on = 0
}

FNR == 1 { depth = hidden = in_comment = documented = shared_until = pass_on = closing_type = continued = 0; reset() }

{
  raw = $0
  if (continued || (raw ~ /^ *#/ && !in_comment)) { continued = raw ~ /\\$/; next }
  if (raw ~ /^ *$/) { if (text == "") documented = 0; next }
  if (!in_comment && raw ~ /^ *\/\/\// && at_namespace_scope()) { if (text == "") documented = 1; next }
  code = code_of(raw)
  if (code ~ /^ *$/) { if (shared_until == FNR - 1) shared_until = FNR; next }
  for (i = 1; i <= length(code); ++i) {
    c = substr(code, i, 1)
    if (c == "{") { if (at_namespace_scope() && text ~ /^ *$/) start = FNR; open_brace() }
    else if (c == "}") close_brace()
    else if (at_namespace_scope()) {
      if (c == "(") ++parens
      if (c == ")") --parens
      if (c == ";" && parens <= 0) {
        if (closing_type) { closing_type = 0; finish(); continue }
        if (text !~ /^ *$/) { kind = kind_of(text, 0); declare(kind); finish() }
        continue
      }
      if (text == "" && c != " ") start = FNR
      if (text != "" || c != " ") text = text c
    }
  }
  if (at_namespace_scope() && text != "") text = text " "
}
