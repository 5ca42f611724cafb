package clean

import "strings"

// kind is how an element nests (HTML, "13.2.6 Tree construction").
type kind uint8

const (
	inline kind = iota + 1
	block       // ends a paragraph
	void        // has no content
	part        // of a table
)

// element is one that a page may hold.
type element struct {
	name   string
	kind   kind
	number int        // among all
	rules  []rule     // what its start tag ends
	fence  []*element // what its end tag does not reach through
}

// rule tells which open element a start tag ends, if it is above each of the barriers.
type rule struct{ ends, barriers []*element }

// elements are all that a page may hold, by name. They are not changed after they are made.
var elements = newElements()

func newElements() map[string]*element {
	all := map[string]*element{}
	for k, names := range map[kind]string{
		inline: "a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd mark q s samp small span strike strong sub sup tt u var",
		block: "address article aside blockquote center dd div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 header li main nav ol p" +
			" pre section table ul",
		void: "br col hr img wbr",
		part: "caption colgroup tbody td tfoot th thead tr",
	} {
		for _, name := range strings.Fields(names) {
			all[name] = &element{name: name, kind: k, number: len(all)}
		}
	}
	of := func(names string) (out []*element) {
		for _, name := range strings.Fields(names) {
			out = append(out, all[name])
		}
		return out
	}
	const cell = "table td th caption"
	for _, e := range all {
		switch {
		case e.kind == part:
			e.fence = of("table")
		case e.name != "table":
			e.fence = of(cell)
		}
		if e.kind == block || e.name == "hr" {
			e.rules = []rule{{of("p"), of(cell)}}
		}
	}
	for _, r := range []struct{ starts, ends, barriers string }{
		{"a", "a", cell},
		{"li", "li", "ul ol blockquote " + cell},
		{"dd dt", "dd dt", "dl blockquote " + cell},
		{"td th", "td th caption colgroup", "table"},
		{"tr", "tr caption colgroup", "table"},
		{"tbody thead tfoot", "tbody thead tfoot caption colgroup", "table"},
		{"caption colgroup", "caption colgroup", "table"},
	} {
		for _, e := range of(r.starts) {
			e.rules = append(e.rules, rule{of(r.ends), of(r.barriers)})
		}
	}
	return all
}

// silent elements hold text that no reader sees. What the tokenizer gives between their tags is dropped.
var silent = map[string]bool{"script": true, "style": true, "title": true, "iframe": true}

// fallback elements hold markup for readers like ours, where a tokenizer that runs scripts sees raw text.
var fallback = map[string]bool{"noscript": true, "noembed": true, "noframes": true}

// maxDepth is how many elements may be open at once. Deeper ones are dropped and their content stays.
const maxDepth = 200
