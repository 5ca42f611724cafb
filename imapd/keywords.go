package imapd

import (
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"sigill/vault"
)

// maxVocabulary bounds the keywords a client is told of; more can be set and are told with the messages alone.
const maxVocabulary = 500

// vocabulary is the keywords of a mailbox that a client was told of by FLAGS, which it is before it sees one at a message
// (RFC 3501 section 7.2.6). Programs offer them to people, and some know no others. It only grows.
type vocabulary struct {
	known map[string]bool // as they are spelled
	told  []imap.Flag     // in their first spelling: a keyword is the same in any case
}

// learn takes keywords in and tells whether one of them is new.
func (v *vocabulary) learn(keywords []string) (news bool) {
	for _, k := range keywords {
		if v.known[k] || len(v.known) == maxVocabulary || !keyword(k) {
			continue
		}
		if v.known == nil {
			v.known = map[string]bool{}
		}
		v.known[k] = true
		if !slices.ContainsFunc(v.told, func(f imap.Flag) bool { return strings.EqualFold(string(f), k) }) {
			v.told = append(v.told, imap.Flag(k))
			news = true
		}
	}
	return news
}

// flags are those of the mailbox.
func (v *vocabulary) flags() []imap.Flag { return append(systemFlags(), v.told...) }

// permanent are those that a client can change.
func (v *vocabulary) permanent() []imap.Flag {
	ours := func(f imap.Flag) bool { return vault.IsStatusKeyword(string(f)) }
	return append(slices.DeleteFunc(v.flags(), ours), imap.FlagWildcard)
}

// introduce tells the client of keywords it is about to see.
func (s *session) introduce(entries ...vault.Entry) error {
	news := false
	for _, e := range entries {
		news = s.selected.view.words.learn(e.Keywords) || news
	}
	if !news {
		return nil
	}
	return s.tellKeywords()
}

// tellKeywords goes past the library, which cannot say PERMANENTFLAGS but after SELECT, and writes nothing meanwhile.
func (s *session) tellKeywords() error {
	words := &s.selected.view.words
	t := &text{}
	t.raw("* FLAGS (" + spaced(words.flags()) + ")\r\n")
	if !s.selected.readOnly {
		t.raw("* OK [PERMANENTFLAGS (" + spaced(words.permanent()) + ")] Keywords\r\n")
	}
	_, err := s.conn.Write(t.b)
	return gone(err)
}

func spaced(flags []imap.Flag) string {
	var b strings.Builder
	for i, f := range flags {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(f))
	}
	return b.String()
}
