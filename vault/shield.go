package vault

import (
	"strings"

	"sigill/vault/internal/kv"
)

// shield tells which events concern a person with protected identity, who is one that gets no notices: see SetQuiet. Such
// an event is the person's own, or names the person, or is of a message that is from or to the person. Of a message that
// is disposed of nothing tells whom it was to; its events stand open then, but for those that name the person.
type shield struct {
	names map[string]bool // in the audit
	// nameless tells that some person's name was not kept when the person became one. Then it may be anybody's.
	nameless bool
}

func (t *tx) shield() (s shield, err error) {
	s.names = map[string]bool{}
	for o := range t.r.Range(tQuiet, kv.Span{}) {
		rec, found, err := load[protectedRecord](t, tProtected, o)
		if err != nil {
			return s, err
		}
		s.nameless = s.nameless || !found
		s.names[rec.Name] = found
	}
	return s, nil
}

func (s shield) covers(t *tx, e Event) (bool, error) {
	if len(s.names) == 0 && !s.nameless {
		return false, nil
	}
	for _, word := range append(strings.Fields(e.Detail), e.Actor) {
		if s.names[word] || s.nameless && strings.HasPrefix(word, personPrefix) {
			return true, nil
		}
	}
	if e.Message.IsZero() {
		return false, nil
	}
	rec, _, err := load[messageRecord](t, tMessage, e.Message[:])
	if err != nil {
		return true, err
	}
	for _, digits := range rec.persons() {
		if t.quiet(t.v.personOwner(digits)) {
			return true, nil
		}
	}
	return false, nil
}

// persons are all that a message is from or to, or may be.
func (rec messageRecord) persons() (out []string) {
	add := func(digits string) {
		if digits != "" {
			out = append(out, digits)
		}
	}
	add(rec.Person)
	for _, r := range rec.Recipients {
		add(r.Person)
		for _, c := range r.Claims {
			add(c.Person)
		}
	}
	return out
}
