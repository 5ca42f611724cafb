package kv

import (
	"bytes"
	"iter"

	"go.etcd.io/bbolt"
)

// sharedPrefix is how many octets of a key lead in a bucket that tables share.
const sharedPrefix = 16

// layout says which tables lie side by side. A bbolt commit writes every page it touched, so records that are written
// together cost least if they lie on the same pages.
type layout map[Table]shared

// shared is a table's part of a bucket: keys are the first 16 octets, the tag, the rest.
type shared struct {
	first  Table // of the group
	bucket []byte
	tag    byte
}

// newLayout puts each group of tables into one bucket of the first one's name and a plus sign. A table's place in its
// group is its tag.
func newLayout(groups [][]Table) layout {
	l := layout{}
	for _, group := range groups {
		for i, table := range group {
			l[table] = shared{first: group[0], bucket: []byte(group[0] + "+"), tag: byte(i + 1)}
		}
	}
	return l
}

// bucket is the name of the bucket a table lies in.
func (l layout) bucket(t Table) []byte {
	if s, ok := l[t]; ok {
		return s.bucket
	}
	return []byte(t)
}

func (s shared) key(key []byte) []byte { return appendKey(make([]byte, 0, len(key)+1), key, s.tag) }

// appendKey appends a key of a table that shares its bucket, as it is there.
func appendKey(dst, key []byte, tag byte) []byte {
	dst = append(dst, key[:sharedPrefix]...)
	dst = append(dst, tag)
	return append(dst, key[sharedPrefix:]...)
}

// walk gives a span of a table that shares its bucket.
func (s shared) walk(b *bbolt.Bucket, span Span) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		for k, v := range rangeOf(b, s.span(span)) {
			if len(k) <= sharedPrefix || k[sharedPrefix] != s.tag {
				continue
			}
			key := k[:sharedPrefix:sharedPrefix]
			if len(k) > sharedPrefix+1 {
				key = append(key, k[sharedPrefix+1:]...)
			}
			if bytes.Compare(key, span.From) >= 0 && before(key, span.To) && !yield(key, v) {
				return
			}
		}
	}
}

// span is one in the bucket that has all of the table's span in it, and nothing else if that lies within one prefix.
func (s shared) span(span Span) Span {
	out := Span{Reverse: span.Reverse}
	if out.From = span.From; len(span.From) >= sharedPrefix {
		out.From = s.key(span.From)
	}
	switch {
	case span.To == nil:
	case len(span.To) < sharedPrefix:
		out.To = span.To
	case len(span.To) == sharedPrefix && len(span.From) >= sharedPrefix && bytes.Equal(Prefix(span.From[:sharedPrefix]).To, span.To):
		out.To = append(bytes.Clone(span.From[:sharedPrefix]), s.tag+1)
	default:
		out.To = s.key(span.To)
	}
	return out
}
