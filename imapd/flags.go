package imapd

import (
	"iter"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"sigill/vault"
)

const (
	maxKeywords = 50
	maxKeyword  = 64 // octets
)

var flagNames = []struct {
	flag vault.Flags
	name imap.Flag
}{
	{vault.Seen, imap.FlagSeen}, {vault.Answered, imap.FlagAnswered}, {vault.Flagged, imap.FlagFlagged},
	{vault.Deleted, imap.FlagDeleted}, {vault.DraftFlag, imap.FlagDraft},
}

// flagRecent is told and searched for, and set by nobody.
const flagRecent imap.Flag = `\Recent`

func systemFlags() []imap.Flag {
	var out []imap.Flag
	for _, f := range flagNames {
		out = append(out, f.name)
	}
	return out
}

// flagsOf is what the client is told.
func flagsOf(m marks) iter.Seq[imap.Flag] {
	return func(yield func(imap.Flag) bool) {
		if m.recent && !yield(flagRecent) {
			return
		}
		for _, f := range flagNames {
			if m.flags&f.flag != 0 && !yield(f.name) {
				return
			}
		}
		for _, k := range m.keywords {
			if keyword(k) && !yield(imap.Flag(k)) {
				return
			}
		}
	}
}

// parseFlags reads what the client wants set. \Recent is the server's and no flag here.
func parseFlags(list []imap.Flag) (m marks, err error) {
	for _, f := range list {
		i := slices.IndexFunc(flagNames, func(n struct {
			flag vault.Flags
			name imap.Flag
		}) bool {
			return strings.EqualFold(string(n.name), string(f))
		})
		switch {
		case i >= 0:
			m.flags |= flagNames[i].flag
		case strings.HasPrefix(string(f), `\`):
			return m, errFlag
		case len(f) > maxKeyword || len(m.keywords) == maxKeywords:
			return m, errKeywords
		case !keyword(string(f)):
			return m, errFlag
		default:
			m.keywords = append(m.keywords, string(f))
		}
	}
	slices.Sort(m.keywords)
	m.keywords = slices.Compact(m.keywords)
	return m, nil
}

// keyword tells an atom of RFC 3501 section 9, flag-keyword.
func keyword(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`(){%*"\]`, r)
	})
}

// has tells whether a message has a flag or keyword, as SEARCH names them.
func (m marks) has(f imap.Flag) bool {
	if strings.EqualFold(string(flagRecent), string(f)) {
		return m.recent
	}
	for _, n := range flagNames {
		if strings.EqualFold(string(n.name), string(f)) {
			return m.flags&n.flag != 0
		}
	}
	return slices.ContainsFunc(m.keywords, func(k string) bool { return strings.EqualFold(k, string(f)) })
}
