package message

import "strings"

// Content types that have parts inside.
const (
	typeMultipart = "multipart"
	typeMessage   = "message"
)

// part makes a part of its header, without offsets. Digest tells a part of multipart/digest, whose default type is
// another (RFC 2046 section 5.1.5). The boundary is that of a multipart, "" if it has none that can be used.
func (b *budget) part(h Header, digest bool) (p Part, boundary string) {
	p = textPart()
	if digest {
		p.Type, p.Subtype = typeMessage, "rfc822"
	}
	value, raw := parseValue(h.Get("Content-Type"))
	if t, s, ok := mediaType(value); ok {
		p.Type, p.Subtype = t, s
	} else if value != "" {
		p.Type, p.Subtype = "text", "plain" // RFC 2045 section 5.2
	}
	p.Params = b.params(raw)
	for _, q := range raw {
		if q.name == "boundary" {
			boundary = strings.TrimRight(q.value, " \t")
			break
		}
	}
	if len(boundary) > maxBoundary {
		boundary = ""
	}
	if e, _ := parseValue(h.Get("Content-Transfer-Encoding")); e != "" {
		p.Encoding = b.keep(lenientString(encodingName(e)), 64)
	}
	value, raw = parseValue(h.Get("Content-Disposition"))
	p.Disposition = b.keep(lenientString(strings.ToLower(value)), 64)
	p.DispositionParams = b.params(raw)
	p.ID = b.keep(contentID(h.Get("Content-ID")), maxLine)
	p.Description = b.keep(h.Text("Content-Description"), maxValue)
	p.Language = b.languages(h.Get("Content-Language"))
	p.Location = b.keep(strings.Join(strings.Fields(DecodeText(h.Get("Content-Location"))), ""), maxValue)
	p.MD5 = b.keep(DecodeText(h.Get("Content-MD5")), 64)
	return p, boundary
}

// textPart is a part that says nothing of itself (RFC 2045 section 5.2).
func textPart() Part { return Part{Type: "text", Subtype: "plain", Encoding: "7bit"} }

// maxBoundary is more than the 70 of RFC 2046 section 5.1.1, since longer ones are seen.
const maxBoundary = 250

func mediaType(s string) (t, sub string, ok bool) {
	t, sub, ok = strings.Cut(strings.ToLower(s), "/")
	t, sub = strings.TrimSpace(t), strings.TrimSpace(sub)
	return t, sub, ok && token(t) && token(sub) && len(t)+len(sub) <= 255
}

// token is that of RFC 2045 section 5.1.
func token(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, s[i]) >= 0 {
			return false
		}
	}
	return s != ""
}

func encodingName(s string) string {
	s = strings.ToLower(strings.Trim(s, " \t\"."))
	switch s {
	case "7-bit":
		return "7bit"
	case "8-bit", "8bits":
		return "8bit"
	case "quotedprintable":
		return "quoted-printable"
	}
	return s
}

func contentID(s string) string {
	if ids := MessageIDs(s); strings.Contains(s, "<") && len(ids) > 0 {
		return ids[0]
	}
	return DecodeText(strings.TrimSpace(s))
}

func (b *budget) params(raw []rawParam) []Param {
	list := decodeParams(raw)
	for i := range list {
		list[i].Name, list[i].Value = b.keep(list[i].Name, 64), b.keep(list[i].Value, maxValue)
	}
	return list
}

func (b *budget) languages(s string) []string {
	var list []string
	for tag := range strings.SplitSeq(withoutComments(s), ",") {
		if tag = strings.TrimSpace(DecodeText(tag)); tag != "" && len(list) < maxParams {
			list = append(list, b.keep(tag, 64))
		}
	}
	return list
}
