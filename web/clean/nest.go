package clean

import (
	"bytes"
	"slices"

	"golang.org/x/net/html"
)

// open is an element whose end tag is to come.
type open struct {
	name  string
	start []byte // its start tag as it was written
}

// nest writes elements so that they are nested properly and not too deep.
type nest struct {
	out     bytes.Buffer
	open    []open
	over    map[string]int // start tags dropped for depth, by name
	many    map[string]int // open elements, by name
	rewrite int            // octets of start tags that may still be written again
}

// find gives the place of the innermost open element among names, -1 if there is none above the barriers.
func (n *nest) find(names, barriers []string) int { return n.findWithin(maxDepth, names, barriers) }

// findWithin is find among the innermost elements, as many as reach says.
func (n *nest) findWithin(reach int, names, barriers []string) int {
	if !slices.ContainsFunc(names, func(name string) bool { return n.many[name] > 0 }) {
		return -1
	}
	for i := len(n.open) - 1; i >= max(0, len(n.open)-reach); i-- {
		name := n.open[i].name
		if slices.Contains(names, name) {
			return i
		}
		if slices.Contains(barriers, name) {
			return -1
		}
	}
	return -1
}

// closeTo ends the open elements from the innermost to the one at i.
func (n *nest) closeTo(i int) {
	for j := len(n.open) - 1; j >= i; j-- {
		n.out.WriteString("</" + n.open[j].name + ">")
		n.many[n.open[j].name]--
	}
	n.open = n.open[:i]
}

func (n *nest) start(name string, attrs []html.Attribute) {
	k := elements[name]
	if k == block || name == "hr" {
		n.imply(paragraph)
	}
	if r, ok := implied[name]; ok {
		n.imply(r)
	}
	if k != void && len(n.open) >= maxDepth {
		n.over[name]++
		return
	}
	from := n.out.Len()
	n.out.WriteString("<" + name)
	for _, a := range attrs {
		n.out.WriteString(" " + a.Key + `="` + html.EscapeString(a.Val) + `"`)
	}
	n.out.WriteByte('>')
	if k != void {
		n.push(open{name, bytes.Clone(n.out.Bytes()[from:])})
	}
}

func (n *nest) push(o open) {
	n.open = append(n.open, o)
	n.many[o.name]++
}

func (n *nest) imply(r rule) {
	if i := n.find(r.ends, r.barriers); i >= 0 {
		n.closeTo(i)
	}
}

// maxReopen is how many elements an end tag that crosses them may end and start again.
const maxReopen = 3

func (n *nest) end(name string) {
	if n.over[name] > 0 {
		n.over[name]--
		return
	}
	reach := maxDepth
	if elements[name] == inline {
		reach = maxReopen + 1
	}
	i := n.findWithin(reach, []string{name}, endBarriers(name))
	if i < 0 {
		return
	}
	var again []open
	if elements[name] == inline {
		// <b><p>…</b>…</p>: what is inside goes on without the bold, as browsers have it.
		again = slices.Clone(n.open[i+1:])
	}
	n.closeTo(i)
	for _, o := range again {
		if n.rewrite -= len(o.start); n.rewrite < 0 {
			return // or a mail of long attributes would grow a thousandfold; its text goes on without them
		}
		n.out.Write(o.start)
		n.push(o)
	}
}

func (n *nest) text(s string) { n.out.WriteString(html.EscapeString(s)) }
