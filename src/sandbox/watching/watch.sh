# Watches "$1", with "$2" = 1 below it, too: by the program "$3" where there is Python, else by looking again and again.
# Names with a line end are beyond the latter.
[ -e "$1" ] || exit 65
command -v python3 >/dev/null 2>&1 && exec python3 -uc "$3" "$1" "$2"
command -v find >/dev/null && command -v stat >/dev/null && command -v diff >/dev/null || exit 73
d=$(mktemp -d) || exit 73; trap 'rm -rf "$d"' EXIT; trap 'exit 1' HUP INT TERM
[ "$2" = 1 ] && depth= || depth='-maxdepth 1'
look() { find "$1" -mindepth 1 $depth -exec stat -c '%i %Y %Z %s %n' {} + 2>/dev/null | sort; }
look "$1" >"$d/a"; printf '\000'
while sleep 0.3; do
  look "$1" >"$d/b"; cmp -s "$d/a" "$d/b" && continue
  diff "$d/a" "$d/b" | while read -r side _ _ _ _ path; do
    case $side in
      '<') [ -e "$path" ] || [ -L "$path" ] || printf 'remove %s\000' "$path" ;;
      '>') if cut -d' ' -f5- "$d/a" | grep -qxF -e "$path"; then printf 'modify %s\000' "$path"; else printf 'create %s\000' "$path"; fi ;;
    esac
  done
  mv "$d/b" "$d/a"
done
