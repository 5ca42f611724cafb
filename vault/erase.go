package vault

import (
	"bytes"

	"sigill/vault/internal/kv"
)

// erase deletes all records of a message. What bbolt keeps of them in free pages is for maintenance to end; until then
// whoever has today's key and yesterday's pages could open them.
func (t *tx) erase(id MessageID) error {
	rec, found, err := load[messageRecord](t, tMessage, id[:])
	if err != nil {
		return err
	}
	if found {
		if err := t.eraseLinks(id, rec); err != nil {
			return err
		}
	}
	for _, table := range []kv.Table{tKey, tIndex, tMessage, tUnscanned, tHeader} {
		if err := t.w.Delete(table, id[:]); err != nil {
			return err
		}
	}
	for _, table := range []kv.Table{tChunk, tOpened, tReplyDraft} {
		if err := t.deletePrefix(table, id[:]); err != nil {
			return err
		}
	}
	return t.record(Event{Actor: system, Action: "erase", Message: id, Result: "ok"})
}

// eraseLinks deletes what leads to a message: its conversation, its hold, its jobs. Links to it find nothing.
func (t *tx) eraseLinks(id MessageID, rec messageRecord) error {
	if err := t.w.Delete(tConversation, rec.conversationKey()); err != nil {
		return err
	}
	from := t.v.staffOwner(rec.From)
	if err := t.w.Delete(tHold, join(from[:], id[:])); err != nil {
		return err
	}
	return t.dropJobs(id, func(jobRecord) bool { return true })
}

// dropJobs deletes the jobs of a message that are not wanted any more.
func (t *tx) dropJobs(id MessageID, which func(jobRecord) bool) error {
	var jobs [][]byte
	for k := range t.r.Range(tMessageJob, kv.Prefix(id[:])) {
		key := bytes.Clone(k[len(id):])
		rec, found, err := load[jobRecord](t, tJob, key)
		if err != nil {
			return err
		}
		if found && which(rec) {
			jobs = append(jobs, key)
		}
	}
	for _, k := range jobs {
		if err := t.deleteJob(id, k); err != nil {
			return err
		}
	}
	return nil
}
