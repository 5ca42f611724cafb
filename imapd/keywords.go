package imapd

import (
	"slices"
	"strings"
	"sync"

	"github.com/emersion/go-imap/v2"

	"sigill/vault"
)

// maxVocabulary bounds the keywords a client is told of; more can be set and are told with the messages alone.
const maxVocabulary = 500

// vocabulary is the keywords of a mailbox, as long as some client has it open. A client is told of one by FLAGS before it sees
// it at a message (RFC 3501 section 7.2.6): programs offer them to people, and some know no others. It only grows, so how many
// a client was told of is all there is to know of it.
type vocabulary struct {
	mu    sync.Mutex
	known map[string]bool // as they are spelled
	words []imap.Flag     // in their first spelling: a keyword is the same in any case
	users int
}

// vocabularies are those of the mailboxes that are open.
type vocabularies struct {
	mu   sync.Mutex
	open map[vault.MailboxID]*vocabulary
}

// take gives a mailbox's, which is to be given back.
func (all *vocabularies) take(box vault.MailboxID) *vocabulary {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.open == nil {
		all.open = map[vault.MailboxID]*vocabulary{}
	}
	v := all.open[box]
	if v == nil {
		v = &vocabulary{}
		all.open[box] = v
	}
	v.users++
	return v
}

func (all *vocabularies) giveBack(box vault.MailboxID) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if v := all.open[box]; v.users > 1 {
		v.users--
	} else {
		delete(all.open, box)
	}
}

// learn takes keywords in.
func (v *vocabulary) learn(keywords []string) {
	if len(keywords) == 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, k := range keywords {
		if v.known[k] || len(v.known) == maxVocabulary || !keyword(k) {
			continue
		}
		if v.known == nil {
			v.known = map[string]bool{}
		}
		v.known[k] = true
		if !slices.ContainsFunc(v.words, func(f imap.Flag) bool { return strings.EqualFold(string(f), k) }) {
			v.words = append(v.words, imap.Flag(strings.Clone(k)))
		}
	}
}

func (v *vocabulary) size() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.words)
}

// first are the flags of the mailbox, with so many keywords, and those of them that a client can change.
func (v *vocabulary) first(n int) (flags, permanent []imap.Flag) {
	v.mu.Lock()
	defer v.mu.Unlock()
	flags = append(systemFlags(), v.words[:n]...)
	ours := func(f imap.Flag) bool { return vault.IsStatusKeyword(string(f)) }
	return flags, append(slices.DeleteFunc(slices.Clone(flags), ours), imap.FlagWildcard)
}

// introduce tells the client of keywords it is about to see.
func (s *session) introduce(entries ...vault.Entry) error {
	v := s.selected.view
	for _, e := range entries {
		v.words.learn(e.Keywords)
	}
	if !v.hearsWords() {
		return nil
	}
	return s.tellKeywords()
}

// tellKeywords goes past the library, which cannot say PERMANENTFLAGS but after SELECT, and writes nothing meanwhile.
func (s *session) tellKeywords() error {
	flags, permanent := s.selected.view.words.first(s.selected.view.heard)
	t := &text{}
	t.raw("* FLAGS (" + spaced(flags) + ")\r\n")
	if !s.selected.readOnly {
		t.raw("* OK [PERMANENTFLAGS (" + spaced(permanent) + ")] Keywords\r\n")
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
