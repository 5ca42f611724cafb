package imapd

import (
	"slices"

	"github.com/emersion/go-imap/v2"

	"sigill/vault"
)

// resolve gives the messages a set names (RFC 3501 section 9, sequence-set), as positions in order, each once. UIDs that
// do not exist name nothing (section 6.4.8); of sequence numbers at least one must exist.
func (v *view) resolve(set imap.NumSet) ([]span, error) {
	if imap.IsSearchRes(set) {
		return v.savedSpans(), nil
	}
	var spans []span
	switch set := set.(type) {
	case imap.UIDSet:
		for _, r := range set {
			spans = append(spans, v.uidSpan(vault.UID(r.Start), vault.UID(r.Stop)))
		}
	case imap.SeqSet:
		for _, r := range set {
			spans = append(spans, v.seqSpan(r))
		}
	}
	spans = merged(spans)
	if _, seq := set.(imap.SeqSet); seq && len(spans) == 0 && !set.Dynamic() {
		return nil, errNoSuchNumber
	}
	return spans, nil
}

// savedSpans are the positions of what was saved, less what is gone since (RFC 5182 section 2.1).
func (v *view) savedSpans() []span {
	var spans []span
	for _, uid := range v.saved {
		if num, ok := v.seq(uid); ok {
			spans = append(spans, span{int(num) - 1, int(num)})
		}
	}
	return merged(spans)
}

// save remembers what a search has found, as positions in order: all, or the ends that were asked for alone (RFC 5182
// section 2.4).
func (v *view) save(found []int, o *imap.SearchOptions) {
	if n := len(found); n > 0 && !o.ReturnAll && !o.ReturnCount {
		switch {
		case !o.ReturnMax:
			found = found[:1]
		case !o.ReturnMin:
			found = found[n-1:]
		default:
			found = []int{found[0], found[n-1]}
		}
	}
	v.saved = nil
	for _, pos := range found {
		v.saved = append(v.saved, v.uids[pos])
	}
}

// uidSpan is the positions of the UIDs from start to stop, where 0 is "*", the last.
func (v *view) uidSpan(start, stop vault.UID) span {
	if len(v.uids) == 0 {
		return span{}
	}
	star := v.uids[len(v.uids)-1]
	start, stop = between(start, stop, star)
	from, _ := slices.BinarySearch(v.uids, start)
	to, found := slices.BinarySearch(v.uids, stop)
	if found {
		to++
	}
	return span{from, to}
}

func (v *view) seqSpan(r imap.SeqRange) span {
	last := uint32(len(v.uids))
	if last == 0 {
		return span{}
	}
	start, stop := between(r.Start, r.Stop, last)
	return span{int(min(start-1, last)), int(min(stop, last))}
}

// between orders a range: "*" is the last number that exists, and 7:3 is 3:7.
func between[N ~uint32](start, stop, star N) (N, N) {
	if start == 0 {
		start = star
	}
	if stop == 0 {
		stop = star
	}
	return min(start, stop), max(start, stop)
}

// uidsIn is the UIDs at these positions.
func (v *view) uidsIn(spans []span) []vault.UID {
	var out []vault.UID
	for _, s := range spans {
		out = append(out, v.uids[s.from:s.to]...)
	}
	return out
}
