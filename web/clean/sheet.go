package clean

import (
	"bytes"
	"cmp"
	"slices"

	"golang.org/x/net/html"
)

// sheet is a page as it is written: its start tags apart from all else, each but once however often it stands in the page.
type sheet struct {
	tags   bytes.Buffer
	ends   []int            // of each of the tags
	known  map[string]int32 // their numbers; at most maxTags
	links  []string         // escaped
	rest   bytes.Buffer     // escaped text, and end tags of elements that are on the list
	places []place
}

// start is a start tag of the page.
type start struct {
	tag  int32 // its number
	link int32 // the number, from 1, of the target that stands where the tag has standIn; 0 if none does
}

// place says that a start tag stands before an octet of the rest.
type place struct {
	at int32
	start
}

// grow makes room for what becomes of so many octets of mail, of which a tag and its text take 64 or so.
func (s *sheet) grow(mail int) {
	s.rest.Grow(mail)
	s.places = slices.Grow(s.places, mail/64)
}

// tag writes a tag aside and gives its number. Further attributes come written.
func (s *sheet) tag(name string, attrs []html.Attribute, further string) int32 {
	from := s.tags.Len()
	s.tags.WriteString("<" + name)
	for _, a := range attrs {
		s.tags.WriteString(" " + a.Key + `="` + html.EscapeString(a.Val) + `"`)
	}
	s.tags.WriteString(further)
	s.tags.WriteByte('>')
	written := s.tags.Bytes()[from:]
	if n, ok := s.known[string(written)]; ok {
		s.tags.Truncate(from)
		return n
	}
	if len(s.known) < maxTags && len(written) <= maxTag {
		s.known[string(written)] = int32(len(s.ends))
	}
	s.ends = append(s.ends, s.tags.Len())
	return int32(len(s.ends) - 1)
}

// note notes the target of a link and gives its number.
func (s *sheet) note(target string) int32 {
	s.links = append(s.links, html.EscapeString(target))
	return int32(len(s.links))
}

// target is that of a start tag, "" if there is none to put into it.
func (s *sheet) target(st start) string {
	if st.link == 0 {
		return ""
	}
	return s.links[st.link-1]
}

// written is a tag as it was written.
func (s *sheet) written(tag int32) []byte {
	from := 0
	if tag > 0 {
		from = s.ends[tag-1]
	}
	return s.tags.Bytes()[from:s.ends[tag]]
}

// size is how long a start tag is, about.
func (s *sheet) size(st start) int { return len(s.written(st.tag)) + len(s.target(st)) }

// put puts a start tag where the page is now.
func (s *sheet) put(st start) { s.places = append(s.places, place{int32(s.rest.Len()), st}) }

// page is the page as the allow-list lets it through, between a head and a foot of our own. What the list says of a start
// tag does not hang on what is around it, as long as it keeps them all; so it is asked for each once, and for the whole
// only if it has taken one away.
func (s *sheet) page(head, foot string) []byte {
	judged := split(allowList.SanitizeBytes(s.tags.Bytes()))
	if len(judged) != len(s.ends) {
		return slices.Concat([]byte(head), s.judgedWhole(), []byte(foot))
	}
	return s.with(head, judged, foot)
}

// judgedWhole is the page as the allow-list lets the whole of it through.
func (s *sheet) judgedWhole() []byte {
	tags := make([][]byte, len(s.ends))
	for i := range tags {
		tags[i] = s.written(int32(i))
	}
	return allowList.SanitizeBytes(s.with("", tags, ""))
}

// with is the page with tags as they are given.
func (s *sheet) with(head string, tags [][]byte, foot string) []byte {
	size := len(head) + s.rest.Len() + len(foot)
	for _, p := range s.places {
		size += s.size(p.start)
	}
	page := append(make([]byte, 0, size), head...)
	holes := make([]hole, len(tags))
	for i, tag := range tags {
		holes[i] = holeIn(tag)
	}
	rest, from := s.rest.Bytes(), int32(0)
	for _, p := range s.places {
		page = append(page, rest[from:p.at]...)
		page = holes[p.tag].appendTo(page, s.target(p.start))
		from = p.at
	}
	page = append(page, rest[from:]...)
	return append(page, foot...)
}

// hole is a tag with the place where a target may be put: what is before it and after it. A tag without one, or whose target
// the list took away, is all before.
type hole struct{ before, after []byte }

func holeIn(tag []byte) hole {
	i := bytes.LastIndex(tag, []byte(standIn)) // the target comes after what else the mail has in the tag
	if i < 0 {
		return hole{before: tag}
	}
	return hole{tag[:i], tag[i+len(standIn):]}
}

// appendTo appends the tag to a page, with a target if there is one.
func (h hole) appendTo(page []byte, target string) []byte {
	if page = append(page, h.before...); h.after == nil {
		return page
	}
	return append(append(page, cmp.Or(target, standIn)...), h.after...)
}

// split gives the tags that the allow-list has written one after the other. It escapes the bracket in values.
func split(tags []byte) (out [][]byte) {
	for len(tags) > 0 {
		end := bytes.IndexByte(tags, '>') + 1
		if end == 0 {
			return nil
		}
		out = append(out, tags[:end])
		tags = tags[end:]
	}
	return out
}
