package web

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"sigill/vault"
)

// Whoever sends personal data should be able to say for what purpose, and by which legal basis (Regulation (EU) 2016/679,
// articles 5(1)(b), 6 and 9). Where the organisation wants so, the pages ask staff when they write, and when they transfer
// a message to a case. What they say is for staff: no page of a person's, notice, log or line of the audit has it.

// PurposeMode tells whether staff are asked; the zero value is [PurposeOff].
type PurposeMode string

// The modes.
const (
	PurposeOff      PurposeMode = "off"
	PurposeOptional PurposeMode = "optional"
	PurposeRequired PurposeMode = "required"
)

// PurposeModes are all of them.
var PurposeModes = []PurposeMode{PurposeOff, PurposeOptional, PurposeRequired}

// PurposeFields are what the pages ask.
type PurposeFields struct {
	Mode PurposeMode
	// Bases are the legal bases that are offered, as people read them; if empty, those an authority usually has.
	Bases []string
}

// MaxPurpose is how many characters a purpose, and a legal basis, may have.
const MaxPurpose = 200

// maxPurposeField is more than the octets of what fits, so that what does not is told on the page.
const maxPurposeField = 8000

var (
	errNoPurpose   = errors.New("web: no purpose is given")
	errLongPurpose = errors.New("web: the purpose is too long")
	errNoBasis     = errors.New("web: no legal basis is chosen")
)

// usualBases are the texts of the legal bases an authority usually has: articles 6(1)(c) and (e), and (e) with what article
// 9(2) asks for besides, where the data is sensitive. Consent and a balance of interests are none of an authority's.
var usualBases = []string{"purpose.basis.c", "purpose.basis.e", "purpose.basis.ef", "purpose.basis.eg", "purpose.basis.eh"}

func (f PurposeFields) asks() bool { return f.Mode == PurposeOptional || f.Mode == PurposeRequired }

// offered are the legal bases as they are kept: in Swedish, whatever the page's language, so that a case system gets one
// text for one thing.
func (f PurposeFields) offered() []string {
	if len(f.Bases) > 0 {
		return f.Bases
	}
	out := make([]string, len(usualBases))
	for i, key := range usualBases {
		out[i] = languages[0].text(key)
	}
	return out
}

// Basis is a legal basis that is kept, in the page's language if it is one of ours.
func (p page) Basis(kept string) string {
	for _, key := range usualBases {
		if languages[0].text(key) == kept {
			return p.text(key)
		}
	}
	return kept
}

// read is what was filled in; also are legal bases to take beside those offered. Nobody is asked: nothing.
func (f PurposeFields) read(text, basis string, also ...string) (p vault.Purpose, err error) {
	if !f.asks() {
		return p, nil
	}
	if basis != "" && (slices.Contains(f.offered(), basis) || slices.Contains(also, basis)) {
		p.Basis = basis
	}
	p.Text = oneLine(text)
	switch {
	case utf8.RuneCountInString(p.Text) > MaxPurpose:
		return p, errLongPurpose
	case f.Mode == PurposeRequired && p.Text == "":
		return p, errNoPurpose
	case p.Basis != basis, f.Mode == PurposeRequired && basis == "": // one that is offered no more is chosen anew, not dropped
		return p, errNoBasis
	}
	return p, nil
}

// oneLine is text without line ends and control characters.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return strings.Join(strings.Fields(s), " ")
}

// askedPurpose are the two fields as a page shows them.
type askedPurpose struct {
	PurposeFields
	vault.Purpose
	Offered      []string
	Field, Fault string // the field of the page that is wrong, and its text
}

func (f PurposeFields) asked(p vault.Purpose, field, fault string) askedPurpose {
	return askedPurpose{f, p, f.offered(), field, fault}
}

// Asks tells whether the page has the fields, Required whether they must be filled in, Most how long a purpose may be.
func (a askedPurpose) Asks() bool     { return a.asks() }
func (a askedPurpose) Required() bool { return a.Mode == PurposeRequired }
func (a askedPurpose) Most() int      { return MaxPurpose }
