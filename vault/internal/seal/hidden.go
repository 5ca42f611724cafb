package seal

// hidden keeps a secret from whatever prints by reflection. A method named Format is not called for a field that is not
// exported, and fmt follows a pointer there when the verb does not fit; into a function it cannot look.
type hidden[T any] func() *T

func hide[T any](v *T) hidden[T] { return func() *T { return v } }
