package policy

import (
	"slices"
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
func ParseLabels(header []Field) []Label {
	read := labels{disabled: map[string]bool{}}
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
	return slices.DeleteFunc(read.list, func(l Label) bool { return read.disabled[l.GUID] })
}

// maxLabels of one mail are read; a mail has one or two.
const maxLabels = 20

type labels struct {
	list     []Label
	disabled map[string]bool
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
	i := slices.IndexFunc(l.list, func(has Label) bool { return has.GUID == id })
	if i < 0 {
		if i = len(l.list); i == maxLabels {
			return
		}
		l.list = append(l.list, Label{GUID: id})
	}
	switch value = strings.TrimSpace(value); property {
	case "enabled":
		l.disabled[id] = strings.EqualFold(value, "false")
	case "siteid":
		l.list[i].Site = guid(value)
	case "contentbits":
		bits, _ := strconv.Atoi(value)
		l.list[i].ContentBits |= bits // of a field that stands twice nothing is overlooked
	}
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
