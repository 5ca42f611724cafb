package vault

import (
	"errors"
	"slices"
	"strings"
)

// What became of a message is told to its sender's mail program by keywords on the sender's own entries, wherever they are
// filed: one for each status that a recipient has now, "$SigillOpened" for [Opened]. They change in the transaction of the
// status, watchers hear of it as of any flag, and nobody else sets or removes them.
const statusKeyword = "$Sigill"

func (s Status) keyword() string {
	return statusKeyword + strings.ToUpper(string(s[:1])) + string(s[1:])
}

// suspectKeyword is on every entry of a message with a fence, as long as that stands.
const suspectKeyword = statusKeyword + "Suspect"

// IsStatusKeyword tells those that only the vault sets, as keywords are compared: whatever their case.
func IsStatusKeyword(k string) bool {
	return len(k) >= len(statusKeyword) && strings.EqualFold(k[:len(statusKeyword)], statusKeyword)
}

// keywords tell the statuses of a message that came by mail; a person's answer has no sender with a mail program.
func (rec *messageRecord) keywords() (out []string) {
	if rec.FromPerson {
		return nil
	}
	for _, r := range rec.Recipients {
		out = append(out, r.Status.keyword())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// withStatus gives keywords with those of a status in place of any that were.
func withStatus(keywords, status []string) []string {
	was := func(k string) bool { return IsStatusKeyword(k) && k != suspectKeyword }
	out := append(slices.DeleteFunc(slices.Clone(keywords), was), status...)
	slices.Sort(out)
	return slices.Compact(out)
}

// statusOf are the keywords of a status among others.
func statusOf(keywords []string) []string {
	return slices.DeleteFunc(slices.Clone(keywords), func(k string) bool { return !IsStatusKeyword(k) })
}

// saveStatus writes the record of a message whose recipients' statuses have changed; all such changes go through here.
func (t *tx) saveStatus(id MessageID, rec *messageRecord) error {
	if err := save(t, tMessage, id[:], rec); err != nil || rec.FromPerson {
		return err
	}
	for _, p := range t.spots(id) {
		err := mapError(t.showStatus(p, t.v.staffOwner(rec.From), rec.keywords()))
		if errors.Is(err, ErrDamaged) {
			t.v.log.Error("vault: a status cannot be shown to its sender; run verify", "error", err)
			continue // it must not keep a recipient from reading
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) showStatus(p spot, sender owner, status []string) error {
	box, err := t.mailbox(p.box)
	if err != nil || box.Owner != sender || box.Role == Inbox { // there it is a message that has come, to oneself
		return err
	}
	now, found, err := t.marks(p.box, p.uid)
	if err != nil || !found {
		return err
	}
	after := marks{now.flags, withStatus(now.keywords, status)}
	if after.equal(now) {
		return nil
	}
	return t.saveMarks(p.box, &box, p.uid, now, after)
}
