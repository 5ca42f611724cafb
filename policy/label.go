package policy

import (
	"strconv"
	"strings"
)

// Label is a Microsoft sensitivity label as a mail's header tells of it.
type Label struct {
	GUID string // lower case, without braces
	Site string // of the tenant whose label it is
	// ContentBits tell what the label did: 1 header, 2 footer, 4 watermark, 8 encryption.
	ContentBits int
}

// Encrypts tells a label that has the content encrypted by rights management: only the sender's tenant opens it.
func (l Label) Encrypts() bool { return l.ContentBits&8 != 0 }

// ParseLabels reads the labels of a header: the field msip_labels, a list of MSIP_Label_<GUID>_<property>=<value> with
// semicolons between, and fields that are named so themselves. Order and case vary. A label that is not enabled is none.
// Of what stands twice nothing is overlooked.
func ParseLabels(header []Field) []Label {
	read := labels{of: map[string]*properties{}}
	for _, f := range header {
		name := strings.ToLower(f.Name)
		if name != "msip_labels" {
			read.property(name, f.Value)
			continue
		}
		for item := range strings.SplitSeq(f.Value, ";") {
			if name, value, ok := strings.Cut(item, "="); ok {
				read.property(strings.ToLower(strings.TrimSpace(name)), value)
			}
		}
	}
	return read.all()
}

// labels are those of one mail, in order. A mail has one or two; the limit of its header bounds them.
type labels struct {
	guids []string
	of    map[string]*properties
}

// properties are what a mail says of one label.
type properties struct {
	sites   []string
	bits    int
	on, off bool // Enabled
}

func (l *labels) property(name, value string) {
	rest, ok := strings.CutPrefix(name, "msip_label_")
	if !ok {
		return
	}
	id, property, ok := strings.Cut(rest, "_")
	if id = guid(id); !ok || !isGUID(id) {
		return
	}
	p := l.of[id]
	if p == nil {
		p = &properties{}
		l.guids, l.of[id] = append(l.guids, id), p
	}
	switch value = strings.TrimSpace(value); property {
	case "enabled":
		off := strings.EqualFold(value, "false")
		p.on, p.off = p.on || !off, p.off || off
	case "siteid":
		p.sites = append(p.sites, guid(value))
	case "contentbits":
		bits, _ := strconv.Atoi(value)
		p.bits |= bits
	}
}

func (l *labels) all() (out []Label) {
	for _, id := range l.guids {
		p := l.of[id]
		if p.off && !p.on {
			continue
		}
		if p.sites == nil {
			p.sites = []string{""}
		}
		for _, site := range p.sites {
			out = append(out, Label{id, site, p.bits})
		}
	}
	return out
}

// guid is the form to compare by.
func guid(s string) string { return strings.ToLower(strings.Trim(strings.TrimSpace(s), "{}")) }

// isGUID tells the form of RFC 9562 section 4, in lower case.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		hex := '0' <= r && r <= '9' || 'a' <= r && r <= 'f'
		if dash != (r == '-') || !dash && !hex {
			return false
		}
	}
	return true
}
