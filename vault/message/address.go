package message

import "strings"

// ParseAddresses reads the value of an address field (From, To, Cc) as a person would. It gives at most limit mailboxes
// (all if zero), groups as Mailbox describes them, and loses no address that a person would see: what holds no "@" is a
// mailbox with only Local ("MAILER-DAEMON"). The null address "<>" is none.
//
// Besides RFC 5322 section 3.4 and the obsolete forms of section 4.4 it reads what mail programs write: a comma in a
// name without quotes, semicolons for commas, a name without angle brackets around the address, quotes and brackets left
// open, two addresses with nothing between.
func ParseAddresses(field string, limit int) []Mailbox {
	a := addresses{limit: limit}
	for _, t := range scanAddresses(field) {
		if a.full() {
			break
		}
		switch t.kind {
		case ',':
			a.comma()
		case ';':
			a.semicolon()
		case ':':
			a.colon()
		case '<':
			a.angle(t.text)
		case '(':
			a.comment = t.text
		default:
			a.word(t)
		}
	}
	a.semicolon()
	return a.list
}

// addresses gathers mailboxes. The entry being read is in words and comment.
type addresses struct {
	list    []Mailbox
	limit   int
	words   []addressToken
	comment string
	at      bool // a word holds "@"
	done    bool // an address in angle brackets was the last thing read
	group   bool
}

// full leaves room for what closes a group.
func (a *addresses) full() bool {
	n := len(a.list)
	if a.group {
		n++
	}
	return a.limit > 0 && n >= a.limit
}

// add appends a mailbox. One without an address must not look like the beginning or the end of a group.
func (a *addresses) add(m Mailbox) {
	if m.Local == "" && m.Host == "" {
		m = Mailbox{Local: m.Name}
	}
	if m.Local+m.Host != "" && !a.full() {
		a.list = append(a.list, m)
	}
}

// word appends to the entry. White space and comments may stand around "@" (RFC 5322 section 4.4).
func (a *addresses) word(t addressToken) {
	has := t.kind == 'a' && strings.Contains(t.text, "@")
	if n := len(a.words); n > 0 && t.kind == 'a' && a.words[n-1].kind == 'a' {
		last := &a.words[n-1].text
		if has && t.text[0] == '@' && !strings.Contains(*last, "@") || !has && strings.HasSuffix(*last, "@") {
			*last += t.text
			a.at = true
			return
		}
	}
	a.words = append(a.words, t)
	a.at = a.at || has
}

// comma ends an entry, unless it only has a name so far: "Svensson, Anna <anna@kommun.se>".
func (a *addresses) comma() {
	if !a.done && len(a.words) > 0 && !a.at {
		a.words = append(a.words, addressToken{kind: ',', text: ","})
		return
	}
	a.finish()
}

func (a *addresses) semicolon() {
	a.finish()
	if a.group {
		a.list = append(a.list, Mailbox{})
	}
	a.group = false
}

// colon opens a group if a name stands before it; "mailto:" is no name.
func (a *addresses) colon() {
	if len(a.words) == 1 && strings.EqualFold(a.words[0].text, "mailto") {
		a.words = nil
		return
	}
	if a.group || a.at || phrase(a.words) == "" || a.limit > 0 && len(a.list)+2 > a.limit {
		a.finish()
		return
	}
	a.list = append(a.list, Mailbox{Name: phrase(a.words)})
	a.words, a.comment, a.done, a.group = nil, "", false, true
}

// angle takes the text between angle brackets, with a name before it.
func (a *addresses) angle(s string) {
	name := phrase(a.words)
	s = strings.TrimSpace(uncomment(s))
	route := ""
	if colon := strings.LastIndexByte(s, ':'); colon > 0 && s[0] == '@' { // an obsolete route (RFC 5322 section 4.4)
		route, s = strings.Join(strings.Fields(s[:colon]), ""), s[colon+1:]
	}
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		s = s[7:]
	}
	a.words, a.at, a.done = nil, false, true
	for _, one := range splitAngle(s) {
		m := mailbox(one)
		m.Name, m.Route = name, route
		a.add(m)
	}
}

// uncomment takes the comments out of an address (RFC 5322 section 3.4.1).
func uncomment(s string) string {
	if strings.IndexByte(s, '(') < 0 {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		end := -1
		switch s[i] {
		case '"':
			if end = quoteEnd(s, i); end > 0 {
				out.WriteString(s[i:end])
			}
		case '(':
			end = commentEnd(s, i)
		}
		if end < 0 {
			out.WriteByte(s[i])
			end = i + 1
		}
		i = end
	}
	return out.String()
}

// splitAngle takes <a@b.se, c@d.se> apart.
func splitAngle(s string) []string {
	parts := []string{strings.TrimSpace(s)}
	if strings.Count(s, "@") > 1 && !strings.Contains(s, `"`) {
		parts = strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ';' || r == ' ' })
	}
	if parts[0] == "" {
		return nil
	}
	return parts
}

// finish ends the entry.
func (a *addresses) finish() {
	words, name, at, done := a.words, tidy(a.comment), a.at, a.done
	a.words, a.comment, a.at, a.done = nil, "", false, false
	if n := len(a.list); done && name != "" && n > 0 && a.list[n-1].Name == "" && a.list[n-1].Local != "" {
		a.list[n-1].Name = name
	}
	switch {
	case at:
		a.bare(words, name)
	case !done: // words after an address are none
		a.names(words)
	}
}

// bare reads addresses without angle brackets; what stands before one is its name, else the comment.
func (a *addresses) bare(words []addressToken, comment string) {
	start := 0
	for i, w := range words {
		if w.kind != 'a' || !strings.Contains(w.text, "@") {
			continue
		}
		m := mailbox(w.text)
		before := words[start:i]
		if n := len(before); m.Local == "" && n > 0 && before[n-1].kind == '"' && !w.spaced {
			m.Local, before = lenientString(before[n-1].text), before[:n-1]
		}
		if n := lastComma(before); n >= 0 {
			a.names(before[:n])
			before = before[n+1:]
		}
		if m.Name = phrase(before); m.Name == "" {
			m.Name = comment
		}
		a.add(m)
		start = i + 1
	}
}

func lastComma(words []addressToken) int {
	n := len(words) - 1
	for n >= 0 && words[n].kind != ',' {
		n--
	}
	return n
}

// names adds entries without "@", which the commas did not end.
func (a *addresses) names(words []addressToken) {
	for entry := range splitWords(words) {
		a.add(Mailbox{Local: phrase(entry)})
	}
}

// splitWords takes entries without "@" apart again at the commas.
func splitWords(words []addressToken) func(func([]addressToken) bool) {
	return func(yield func([]addressToken) bool) {
		start := 0
		for i := 0; i <= len(words); i++ {
			if i < len(words) && words[i].kind != ',' {
				continue
			}
			if i > start && !yield(words[start:i]) {
				return
			}
			start = i + 1
		}
	}
}

// mailbox takes an address apart at its last "@". A quoted local part loses its quotes.
func mailbox(s string) Mailbox {
	s = strings.TrimSpace(s)
	if n := len(s); n > 2 && s[0] == '\'' && s[n-1] == '\'' { // Outlook writes 'anna@kommun.se'
		s = s[1 : n-1]
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return Mailbox{Local: tidy(s)}
	}
	local := strings.TrimSpace(s[:at])
	if strings.HasPrefix(local, `"`) {
		local = unquoteValue(local)
	}
	return Mailbox{Local: lenientString(local), Host: lenientString(trimHost(s[at+1:]))}
}

// trimHost takes off what belongs to the sentence and not to the domain.
func trimHost(s string) string { return strings.TrimRight(strings.TrimSpace(s), ".,;>'\"") }

// phrase is the text of a display name.
func phrase(words []addressToken) string {
	var out strings.Builder
	for _, w := range words {
		if w.spaced && out.Len() > 0 {
			out.WriteByte(' ')
		}
		out.WriteString(w.text)
	}
	return tidy(out.String())
}

// tidy decodes a name and makes its white space single.
func tidy(s string) string { return strings.Join(strings.Fields(DecodeText(s)), " ") }
