package message

import (
	"iter"
	"net/url"
	"strings"
)

// Part gives the part of an IMAP part number (RFC 9051 section 6.4.5.1): 2, 1 is the part "2.1". Without numbers it is
// the message itself, and the body of a message that is no multipart is its part 1. The number of a message/rfc822 gives
// that part; numbers after it go into the embedded message.
func (ix *Index) Part(number ...int) (*Part, bool) {
	p, message := &ix.Root, true
	for _, n := range number {
		if p.embeds() && !message && len(p.Children) == 1 {
			p, message = &p.Children[0], true
		}
		switch {
		case p.Type == typeMultipart && n >= 1 && n <= len(p.Children):
			p = &p.Children[n-1]
		case p.Type == typeMultipart || !message || n != 1:
			return nil, false
		}
		message = false
	}
	return p, true
}

// Walk goes through all parts, parents first, with the child indexes (from 0) that lead to them; the path is only
// valid until the next step. An embedded message and its body are one part, the only child of message/rfc822.
func (ix *Index) Walk() iter.Seq2[[]int, *Part] {
	return func(yield func([]int, *Part) bool) { walk(nil, &ix.Root, yield) }
}

func walk(path []int, p *Part, yield func([]int, *Part) bool) bool {
	if !yield(path, p) {
		return false
	}
	for i := range p.Children {
		if !walk(append(path, i), &p.Children[i], yield) {
			return false
		}
	}
	return true
}

// BestText gives the part that shows the message in the wanted subtype, "html" or "plain"; false if it has none. It is
// the first of Texts that is of that subtype.
func (ix *Index) BestText(subtype string) (*Part, bool) {
	for _, p := range ix.Texts(subtype) {
		if p.Subtype == subtype {
			return p, true
		}
	}
	return nil, false
}

// Texts are the parts that together show the message, in order: most mail has one, but some programs write text, an
// image and more text. Of the alternatives of multipart/alternative it is the last of the preferred subtype, "html" or
// "plain", or if there is none the last text. Parts with a file name, attachments and embedded messages are not texts.
func (ix *Index) Texts(prefer string) []*Part { return texts(&ix.Root, prefer) }

func texts(p *Part, prefer string) []*Part {
	switch {
	case p.readable():
		return []*Part{p}
	case p.Type != typeMultipart:
		return nil
	case p.Subtype == "alternative":
		return alternative(p, prefer)
	}
	var all []*Part
	for i := range p.Children {
		all = append(all, texts(&p.Children[i], prefer)...)
	}
	return all
}

// alternative chooses the last child that has the preferred subtype, else the last that has a text (RFC 2046 section
// 5.1.4).
func alternative(p *Part, prefer string) []*Part {
	var best []*Part
	preferred := false
	for i := range p.Children {
		t := texts(&p.Children[i], prefer)
		has := false
		for _, q := range t {
			has = has || q.Subtype == prefer
		}
		if len(t) > 0 && (has || !preferred) {
			best, preferred = t, has
		}
	}
	return best
}

// readable tells a part that is read as text of the message.
func (p *Part) readable() bool {
	return p.Type == "text" && (p.Subtype == "plain" || p.Subtype == "html") &&
		p.Disposition != "attachment" && p.FileName() == ""
}

// Attachments are the parts a reader lists for download: every leaf (an embedded message is one) that is no text of the
// message and no signature. A part whose Content-ID is in used, the ids the shown HTML refers to (see ContentIDs), is
// shown there and is none; with a nil used every image with a Content-ID in a multipart/related counts as referred to.
func (ix *Index) Attachments(used map[string]bool) []*Part {
	var list []*Part
	attachments(&ix.Root, &Part{}, false, used, &list)
	return list
}

func attachments(p, parent *Part, related bool, used map[string]bool, list *[]*Part) {
	if p.Type == typeMultipart {
		for i := range p.Children {
			attachments(&p.Children[i], p, related || p.Subtype == "related", used, list)
		}
		return
	}
	shown := used[p.ID]
	if used == nil {
		shown = related && p.Type == "image"
	}
	switch {
	case p.readable():
	case p.ID != "" && shown && p.Disposition != "attachment":
	case parent.Subtype == "signed" && strings.HasSuffix(p.Subtype, "-signature"):
	case parent.Subtype == "alternative" && p.Type == "text" && p.Subtype != "calendar" && p.FileName() == "":
		// text/enriched, text/x-amp-html: another form of the text
	default:
		*list = append(*list, p)
	}
}

// ByContentID finds a part outside embedded messages by its Content-ID, without angle brackets; a "cid:" URL (RFC 2392)
// must be unescaped first.
func (ix *Index) ByContentID(id string) (*Part, bool) {
	if id == "" {
		return nil, false
	}
	return byContentID(&ix.Root, id)
}

func byContentID(p *Part, id string) (*Part, bool) {
	if p.ID == id {
		return p, true
	}
	if p.Type != typeMultipart {
		return nil, false
	}
	for i := range p.Children {
		if found, ok := byContentID(&p.Children[i], id); ok {
			return found, true
		}
	}
	return nil, false
}

// ContentIDs are the ids that an HTML text refers to by "cid:" URLs (RFC 2392), unescaped. It looks for the letters and not
// for tags, so it may give more than a browser would follow.
func ContentIDs(html string) map[string]bool {
	ids := map[string]bool{}
	for rest := html; ; {
		i := strings.IndexByte(rest, ':')
		if i < 0 {
			return ids
		}
		before := rest[:i]
		rest = rest[i+1:]
		if len(before) < 3 || !strings.EqualFold(before[len(before)-3:], "cid") {
			continue
		}
		end := strings.IndexAny(rest, "\"'<> )\r\n\t")
		if end < 0 {
			end = len(rest)
		}
		id := strings.ReplaceAll(rest[:end], "&amp;", "&")
		if decoded, err := url.PathUnescape(id); err == nil {
			id = decoded
		}
		ids[id] = true
	}
}
