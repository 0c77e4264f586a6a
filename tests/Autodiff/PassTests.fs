/// To which pass a variable belongs, what the tape shows of a pass, and the scopes within it.
module Hybrid.Tests.Autodiff.PassTests

open System
open System.Collections.Generic
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

let private one = tensor [ 1 ] [ 1.0 ]

let private belonging =
    testList
        "belonging"
        [
            testCase "a variable of another tape is refused when a rule is recorded, wherever it stands" (fun () ->
                let mine, other = Tape<float>(), Tape<float>()
                let x, foreign = mine.Input one, (other.Input one).Scale 2.0

                let fragments = [ "'Scale' [1], an input of 'Add', stands on another tape"; "tape.Constant(x.Value)" ]

                refuses<InvalidOperationException, _> fragments (fun () -> x + foreign)

                refuses<InvalidOperationException, _> [ "'input' [1]"; "stands on another tape" ] (fun () ->
                    foreign + x)

                Expect.equal (floats (x + mine.Constant foreign.Value).Value) [| 3.0 |] "the remedy works")

            testCase "a variable from before Clear is refused when a rule is recorded" (fun () ->
                let tape = Tape<float>()
                let x, c = tape.Input one, tape.Constant one
                tape.Clear()

                for variable in [ x; c ] do
                    refuses<InvalidOperationException, _>
                        [
                            $"'{variable.Name}', an input of 'Scale'"
                            "a pass that has ended"
                            "make it again in this pass"
                        ]
                        (fun () -> variable.Scale 2.0))

            testCase "all parameters and no tape is refused, and tape.Of says which is meant" (fun () ->
                let p = Parameter<float>("p", tensor [ 2 ] [ 3.0; -4.0 ])
                Expect.isNull p.Tape "no tape"
                refuses<InvalidOperationException, _> [ "'p' is a parameter"; "tape.Of(parameter)" ] (fun () -> p + p)
                let tape = Tape<float>()
                let x = tape.Of p
                Expect.isTrue (obj.ReferenceEquals(x.Tape, tape)) "of the tape"
                Expect.equal (x.Name, tape.Place) ("p: Of", "") "at the parameter's path"
                tape.Backward(x * x, tensor [ 2 ] [ 1.0; 1.0 ])
                Expect.equal (floats p.Gradient) [| 6.0; -8.0 |] "the gradient reaches the parameter")

            testCase "every gradient is that of the last backward pass, an input's too; a parameter's add up" (fun () ->
                let p = Parameter<float>("p", one.ToPersistent())
                let tape = Tape<float>(KeepsGradients = true)
                let x, apart = tape.Input one, tape.Input one
                let h = x + p
                let y, z = h.Scale 3.0, apart.Scale 5.0
                tape.Backward y
                tape.Backward y
                Expect.equal (floats (gradientOf x), floats (gradientOf h)) ([| 3.0 |], [| 3.0 |]) "not added up"
                Expect.equal (floats p.Gradient) [| 6.0 |] "added up"
                tape.Backward z
                Expect.isNull x.Gradient "an input that was not reached"
                Expect.isNull h.Gradient "a variable that was not reached"
                Expect.equal (floats (gradientOf apart)) [| 5.0 |] "the one that was")

            testCase "a pullback that does not ask leaves no gradient on a constant, from pass to pass" (fun () ->
                let tape = Tape<float>()
                let x, c = tape.Input one, tape.Constant one

                let pullback (dy: Tensor<float>) (gradients: Gradients<float>) =
                    for i in 0..1 do
                        gradients.Slot(i).Span[ 0 ] <- dy.Span[0]

                let y = tape.Record("Careless", struct (x.Value, Pullback pullback), x, c)
                tape.Backward y
                Expect.isNull c.Gradient "constant"
                Expect.equal (floats (gradientOf x)) [| 1.0 |] "input")

            testCase
                "what lies between gives its gradient back, unless the tape keeps it or the pass goes towards it"
                (fun () ->
                    let backward (keeps: bool) (go: Tape<float> -> Variable<float> -> Variable<float> -> unit) =
                        let tape = Tape<float>(KeepsGradients = keeps)
                        let x = tape.Input one
                        let h = x.Scale 2.0
                        // What a pullback was handed is refused once it has run.
                        let mutable handed = None

                        let pullback (dy: Tensor<float>) (gradients: Gradients<float>) =
                            handed <- Some dy
                            gradients.Slot(0).Span[ 0 ] <- gradients.Slot(0).Span[0] + dy.Span[0]

                        let seen = tape.Record("Seen", struct (h.Value, Pullback pullback), h)
                        let y = seen.Scale 3.0
                        go tape y h
                        x, h, handed.Value

                    let x, h, handed = backward false (fun tape y _ -> tape.Backward y)
                    Expect.equal (floats (gradientOf x)) [| 6.0 |] "an input keeps its own"

                    refuses<InvalidOperationException, _> [ "'Scale' [1]"; "given back"; "KeepsGradients" ] (fun () ->
                        h.Gradient)

                    refuses<StaleTensorException, _> [ "a gradient that was given back" ] (fun () -> handed.ToArray())
                    let _, h, handed = backward true (fun tape y _ -> tape.Backward y)
                    Expect.equal (floats (gradientOf h), handed[0]) ([| 3.0 |], 3.0) "kept"
                    let _, h, _ = backward false (fun tape y h -> tape.Backward(y, [ h ]))
                    Expect.equal (floats (gradientOf h)) [| 3.0 |] "towards it")
        ]

let private showing =
    testList
        "showing"
        [
            testCase "a variable knows how it was made: rule, attributes, place and inputs" (fun () ->
                let tape = Tape<float>()
                let x, gain, bias = tape.Input(zeros [ 2; 3 ]), tape.Input(zeros [ 3 ]), tape.Input(zeros [ 3 ])

                let y =
                    use _ = tape.At "block.norm"
                    x.LayerNorm(gain, bias, 0.25)

                Expect.equal (y.Place, y.Rule, y.Name) ("block.norm", "LayerNorm", "block.norm: LayerNorm") "where"
                Expect.equal (string y.Operation) "LayerNorm(eps = 0.25)" "attributes"
                Expect.sequenceEqual y.Inputs [ x; gain; bias ] "inputs"
                Expect.equal (x.Rule, x.Place, x.Name) ("input", "", "input") "an input")

            testCase "Find gives what was recorded last at a place, by a rule if one is named" (fun () ->
                let tape = Tape<float>()
                let x = tape.Input one

                let first, second, last =
                    use _ = tape.At "a"
                    x.Scale 1.0, x.Scale 2.0, x.Relu()

                let elsewhere = x.Scale 3.0
                let isSame (a: Variable<float>) (b: Variable<float>) = obj.ReferenceEquals(a, b)
                Expect.isTrue (isSame (tape.Find("a", "Scale")) second) "the last of the rule"
                Expect.isFalse (isSame (tape.Find("a", "Scale")) first) "not the first"
                Expect.isTrue (isSame (tape.Find "a") last) "the last of the place"
                Expect.isTrue (isSame (tape.Find "") elsewhere) "outside of any layer")

            testCase "Find says what there is, where a rule or a place is none" (fun () ->
                let tape = Tape<float>()
                let x = tape.Input one

                do
                    use _ = tape.At "a"
                    x.Scale(1.0).Relu() |> ignore

                refuses<KeyNotFoundException, _> [ "no Gelu was recorded at 'a'"; "there are Scale, Relu" ] (fun () ->
                    tape.Find("a", "Gelu"))

                refuses<KeyNotFoundException, _>
                    [ "nothing was recorded at 'b'"; "there are 'a'"; "In inference nothing is recorded" ]
                    (fun () -> tape.Find("b", "Scale")))
        ]

let private scopes =
    testList
        "scopes"
        [
            testCase "a tape says whether it trains and where chance comes from; without a word it evaluates" (fun () ->
                let random = RandomStream 1UL
                let tape, training = Tape<float>(), Tape<float>(training = true, random = random)
                Expect.isFalse tape.IsTraining "evaluates"
                Expect.isTrue (training.IsTraining && tape.IsRecording && training.IsRecording) "trains, records"
                Expect.isTrue (obj.ReferenceEquals(training.Random, random)) "chance")

            testCase "a scope changes mode and place, and its end restores both, also after an exception" (fun () ->
                let outer, inner = RandomStream 1UL, RandomStream 2UL
                let tape = Tape<float>(training = true, random = outer)
                let state () = tape.IsTraining, tape.IsRecording, tape.Place, tape.Random
                use _ = tape.At "outer"
                let before = state ()

                let scopes: ((unit -> TapeScope<float>) * _) list =
                    [
                        (fun () -> tape.Training inner), (true, true, "outer", (inner: RandomStream | null))
                        (fun () -> tape.Evaluation()), (false, true, "outer", null)
                        (fun () -> tape.Inference()), (false, false, "outer", null)
                        (fun () -> tape.At "inner"), (true, true, "inner", outer)
                    ]

                for start, expected in scopes do
                    try
                        use _ = start ()
                        Expect.equal (state ()) expected "inside"
                        failwith "broken off"
                    with Failure "broken off" ->
                        ()

                    Expect.equal (state ()) before "restored")

            testCase "a place names one layer: what is recorded in a layer within stands at the inner place" (fun () ->
                let tape = Tape<float>()
                let x = tape.Input one

                do
                    use _ = tape.At "outer"
                    x.Scale 1.0 |> ignore

                    do
                        use _ = tape.At "inner"
                        x.Scale 2.0 |> ignore

                    x.Scale 3.0 |> ignore

                Expect.equal [ for made in tape.Recorded -> made.Place ] [ "outer"; "inner"; "outer" ] "places")
        ]

[<Tests>]
let tests = testList "Autodiff.Pass" [ belonging; showing; scopes ]
