package policy

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestFindTag(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason, subject string
		tag, left       string // the tag found, "" if none, and the subject without it
	}{
		{"at the start", "[säkert] Beslut", "[säkert]", "Beslut"},
		{"in English", "[secure] Decision", "[secure]", "Decision"},
		{"as a word", "#säkert Beslut", "#säkert", "Beslut"},
		{"after Re:", "Re: [säkert] Beslut", "[säkert]", "Re: Beslut"},
		{"after SV:", "SV: [säkert] Beslut", "[säkert]", "SV: Beslut"},
		{"after VB: SV:", "VB: SV: [säkert] Beslut", "[säkert]", "VB: SV: Beslut"},
		{"in the middle", "Beslut [säkert] om plats", "[säkert]", "Beslut om plats"},
		{"at the end, with the space before it", "Beslut [säkert]", "[säkert]", "Beslut"},
		{"at the end, with spaces around it", "Beslut [säkert]  ", "[säkert]", "Beslut"},
		{"alone", "[säkert]", "[säkert]", ""},
		{"with no space after it", "[säkert]Beslut", "[säkert]", "Beslut"},
		{"with no space around it", "Om[säkert]Beslut", "[säkert]", "OmBeslut"},
		{"in capitals", "[SÄKERT] Beslut", "[säkert]", "Beslut"},
		{"in mixed case", "#SäKert Beslut", "#säkert", "Beslut"},
		{"space inside the brackets", "[ säkert ] Beslut", "[säkert]", "Beslut"},
		{"more space inside the brackets", "[ \t säkert  ] Beslut", "[säkert]", "Beslut"},
		{"no-break space after it", "[säkert]\u00a0Beslut", "[säkert]", "Beslut"},
		{"no-break space inside", "[\u00a0säkert\u202f] Beslut", "[säkert]", "Beslut"},
		{"decomposed, as Apple writes", "[sa\u0308kert] Beslut", "[säkert]", "Beslut"},
		{"decomposed in capitals", "[SA\u0308KERT] Beslut", "[säkert]", "Beslut"},
		{"zero width space inside", "[sä\u200bkert] Beslut", "[säkert]", "Beslut"},
		{"zero width space before the mark", "[sa\u200b\u0308kert] Beslut", "[säkert]", "Beslut"},
		{"soft hyphen inside", "[sä\u00adkert] Beslut", "[säkert]", "Beslut"},
		{"marks of direction around", "\u200e[säkert]\u200e Beslut", "[säkert]", "\u200e\u200e Beslut"},
		{"a control character inside", "[s\x00äkert] Beslut", "[säkert]", "Beslut"},
		{"full width brackets", "［säkert］ Beslut", "[säkert]", "Beslut"},
		{"full width letters", "＃säｋｅｒｔ Beslut", "#säkert", "Beslut"},
		{"UTF-8 that a program took for windows-1252", "[sÃ¤kert] Beslut", "[säkert]", "Beslut"},
		{"the same in capitals", "#SÃ„KERT Beslut", "#säkert", "Beslut"},
		{"a letter that a program could not read", "[s\ufffdkert] Beslut", "[säkert]", "Beslut"},
		{"or could not write", "[s?kert] Beslut", "[säkert]", "Beslut"},
		{"a question is none", "[secur?] Beslut", "", ""},
		{"two tags: the first, the other stays", "#säkert [säkert] Beslut", "#säkert", "[säkert] Beslut"},
		{"the same tag twice", "[säkert] [säkert] Beslut", "[säkert]", "[säkert] Beslut"},
		{"before punctuation", "#säkert: Beslut", "#säkert", ": Beslut"},
		{"in brackets", "(#säkert) Beslut", "#säkert", "() Beslut"},
		{"inside other brackets", "[[säkert]] Beslut", "[säkert]", "[] Beslut"},
		{"#säkerhet is another word", "#säkerhet i arbetet", "", ""},
		{"so is #säkertext", "#säkertext", "", ""},
		{"so is #säkert2", "#säkert2", "", ""},
		{"and #säkert_", "#säkert_", "", ""},
		{"the second may be the tag", "#säkerhet #säkert Beslut", "#säkert", "#säkerhet Beslut"},
		{"the word alone is no tag", "säkert Beslut", "", ""},
		{"nor without the dots", "[sakert] Beslut", "", ""},
		{"nor with a bracket missing", "[säkert Beslut", "", ""},
		{"nor apart", "[sä kert] Beslut", "", ""},
		{"nor with a space after #", "# säkert Beslut", "", ""},
		{"nothing", "", "", ""},
	} {
		tag, at, found := FindTag(tt.subject, DefaultTags)
		if found != (tt.tag != "") || tag != tt.tag {
			t.Errorf("%s: %q has the tag %q (%v), want %q", tt.reason, tt.subject, tag, found, tt.tag)
			continue
		}
		runes := []rune(tt.subject)
		if left := string(runes[:at.Start]) + string(runes[at.End:]); found && left != tt.left {
			t.Errorf("%s: %q leaves %q, want %q", tt.reason, tt.subject, left, tt.left)
		}
	}
}

func TestFindTagOfAConfiguration(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason string
		tags   []string
		found  bool
	}{
		{"no tags", nil, false},
		{"an empty tag is in no subject", []string{"", " ", "\u200b"}, false},
		{"space around a tag is not of it", []string{" hemligt "}, true},
		{"capitals in a tag", []string{"HEMLIGT"}, true},
		{"a word within a word", []string{"hemlig"}, false},
	} {
		if tag, _, found := FindTag("Re: Hemligt", tt.tags); found != tt.found {
			t.Errorf("%s: %q %v", tt.reason, tag, found)
		}
	}
}

func FuzzFindTag(f *testing.F) {
	for _, s := range []string{"Re: [ säkert ] x", "#sa\u0308kert", "［säkert］", "\u200b[s\u00adecure] \u00a0", "\xff[secure]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tag, at, found := FindTag(s, DefaultTags)
		n := utf8.RuneCountInString(s)
		switch {
		case !found && (at != Span{} || tag != ""):
			t.Fatalf("%q: %q %v and not found", s, tag, at)
		case found && (at.Start < 0 || at.Start >= at.End || at.End > n):
			t.Fatalf("%q: %v of %d runes", s, at, n)
		case !found && strings.Contains(strings.ToLower(s), "[secure]"):
			t.Fatalf("%q: overlooked", s)
		}
		if !found {
			return
		}
		runes := []rune(s)
		if at.End < n && unicode.IsSpace(runes[at.End]) {
			t.Fatalf("%q: %v leaves the space after the tag", s, at)
		}
		if _, again, ok := FindTag(string(runes[at.Start:at.End]), DefaultTags); !ok || again.End-again.Start != at.End-at.Start {
			t.Fatalf("%q: %v is not the tag", s, at)
		}
	})
}
