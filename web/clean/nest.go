package clean

import (
	"slices"

	"golang.org/x/net/html"
)

// open is an element whose end tag is to come.
type open struct {
	*element
	start
}

// nest writes elements so that they are nested properly and not too deep.
type nest struct {
	sheet
	open    []open
	over    []int // start tags dropped for depth, by the element's number
	many    []int // open elements, by number
	rewrite int   // octets of start tags that may still be written again
}

func newNest() nest {
	return nest{sheet: sheet{known: map[string]int32{}}, over: make([]int, len(elements)), many: make([]int, len(elements))}
}

// find gives the place of the innermost open element of some, -1 if there is none above the barriers.
func (n *nest) find(some, barriers []*element) int { return n.findWithin(maxDepth, some, barriers) }

// findWithin is find among the innermost elements, as many as reach says.
func (n *nest) findWithin(reach int, some, barriers []*element) int {
	if !slices.ContainsFunc(some, func(e *element) bool { return n.many[e.number] > 0 }) {
		return -1
	}
	for i := len(n.open) - 1; i >= max(0, len(n.open)-reach); i-- {
		e := n.open[i].element
		if slices.Contains(some, e) {
			return i
		}
		if slices.Contains(barriers, e) {
			return -1
		}
	}
	return -1
}

// closeTo ends the open elements from the innermost to the one at i.
func (n *nest) closeTo(i int) {
	for j := len(n.open) - 1; j >= i; j-- {
		e := n.open[j].element
		n.rest.WriteString("</")
		n.rest.WriteString(e.name)
		n.rest.WriteByte('>')
		n.many[e.number]--
	}
	n.open = n.open[:i]
}

func (n *nest) begin(e *element, st start) {
	for _, r := range e.rules {
		if i := n.find(r.ends, r.barriers); i >= 0 {
			n.closeTo(i)
		}
	}
	switch {
	case e.kind == void:
		n.put(st)
	case len(n.open) >= maxDepth:
		n.over[e.number]++
	default:
		n.push(open{e, st})
	}
}

func (n *nest) push(o open) {
	n.put(o.start)
	n.open = append(n.open, o)
	n.many[o.number]++
}

// maxReopen is how many elements an end tag that crosses them may end and start again.
const maxReopen = 3

func (n *nest) end(e *element) {
	if n.over[e.number] > 0 {
		n.over[e.number]--
		return
	}
	reach := maxDepth
	if e.kind == inline {
		reach = maxReopen + 1
	}
	i := n.findWithin(reach, []*element{e}, e.fence)
	if i < 0 {
		return
	}
	var again []open
	if e.kind == inline {
		// <b><p>…</b>…</p>: what is inside goes on without the bold, as browsers have it.
		again = slices.Clone(n.open[i+1:])
	}
	n.closeTo(i)
	for _, o := range again {
		if n.rewrite -= n.size(o.start); n.rewrite < 0 {
			return // or a mail of long attributes would grow a thousandfold; its text goes on without them
		}
		n.push(o)
	}
}

func (n *nest) text(s string) { n.rest.WriteString(html.EscapeString(s)) }
