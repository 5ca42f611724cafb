package config

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"sigill/web"
)

// Purpose is what staff are asked of the personal data in what they write.
type Purpose struct {
	Mode       string   `toml:"mode"`
	LegalBases []string `toml:"legal_bases"`
}

func defaultPurpose() Purpose { return Purpose{Mode: string(web.PurposeOff), LegalBases: []string{}} }

func (p Purpose) check(f faults) {
	f.need("mode", slices.Contains(web.PurposeModes, web.PurposeMode(p.Mode)), "%q must be \"off\", \"optional\" or \"required\"", p.Mode)
	for i, b := range p.LegalBases {
		key := fmt.Sprintf("legal_bases[%d]", i+1)
		f.need(key, isLine(b) && utf8.RuneCountInString(b) <= web.MaxPurpose, "must be a text on one line, of %d characters at most", web.MaxPurpose)
		f.need(key, slices.Index(p.LegalBases, b) == i, "%q is in the list already", b)
	}
}

// Fields are what the pages ask.
func (p Purpose) Fields() web.PurposeFields {
	return web.PurposeFields{Mode: web.PurposeMode(p.Mode), Bases: p.LegalBases}
}
