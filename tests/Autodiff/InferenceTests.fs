/// A pass without gradients: nothing is remembered, and layers give memory back.
module Hybrid.Tests.Autodiff.InferenceTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Support

let private three = tensor [ 3 ] [ 1.0; -2.0; 3.0 ]

let private refusesStale (x: Variable<float>) =
    refuses<StaleTensorException, _>
        [ "a layer's scope in inference, that has ended"; "ToPersistent()"; "Evaluation() in place of Inference()" ]
        (fun () -> x.Value.ToArray())

[<Tests>]
let tests =
    testList
        "Autodiff.Inference"
        [
            testCase "inference records nothing, wants no gradient, and refuses to go backward" (fun () ->
                let tape = Tape<float>()
                use _ = tape.Inference()
                let y = (tape.Input three).Scale 2.0
                Expect.isFalse (tape.IsRecording || tape.IsTraining || y.WantsGradient) "mode"
                Expect.isEmpty tape.Recorded "recorded"

                refuses<InvalidOperationException, _> [ "'Scale'"; "not in inference" ] (fun () ->
                    tape.Backward(y, three)))

            testCase "a layer keeps its output's numbers, and what it rented besides is refused afterwards" (fun () ->
                let tape = Tape<float>()
                use _ = tape.Inference()
                let x = tape.Constant three
                let before = x.Scale 10.0

                let inner, y =
                    use here = tape.At "layer"
                    let inner = x.Scale 2.0
                    inner, here.Keep(inner.Scale 3.0)

                Expect.equal (floats y.Value) [| 6.0; -12.0; 18.0 |] "kept"
                Expect.equal (y.Place, y.Rule) ("layer", "Scale") "still known by place and rule"
                refusesStale inner
                Expect.equal (floats before.Value) [| 10.0; -20.0; 30.0 |] "rented before the layer"
                Expect.equal (floats (y + before).Value) [| 16.0; -32.0; 48.0 |] "and used on")

            testCase "what is rented after a layer does not overwrite what the layer kept" (fun () ->
                let tape = Tape<float>()
                use _ = tape.Inference()
                let mutable x = tape.Constant three

                for _ in 1..20 do
                    use here = tape.At "layer"
                    x <- here.Keep(x.Scale(2.0).Scale 0.5)

                Expect.equal (floats x.Value) (floats three) "twenty layers later")

            testCase "within a layer only what is still needed stays, and the layer goes on" (fun () ->
                let tape = Tape<float>()
                use _ = tape.Inference()
                let x = tape.Constant three

                let first, needed, y =
                    use here = tape.At "layer"
                    let first = x.Scale 2.0
                    let needed = here.Only(first.Scale 3.0)
                    refusesStale first
                    Expect.equal (floats needed.Value) [| 6.0; -12.0; 18.0 |] "needed"
                    first, needed, here.Keep(needed + needed)

                Expect.equal (floats y.Value) [| 12.0; -24.0; 36.0 |] "kept"
                refusesStale first
                refusesStale needed)

            testCase "a layer that keeps nothing, or breaks off, gives everything back" (fun () ->
                let tape = Tape<float>()
                use _ = tape.Inference()
                let x = tape.Constant three
                let mutable inner = x

                try
                    use _ = tape.At "layer"
                    inner <- x.Scale 2.0
                    failwith "broken off"
                with Failure "broken off" ->
                    ()

                refusesStale inner)

            testCase "where gradients may be asked for, layers give nothing back" (fun () ->
                for start in [ (fun (tape: Tape<float>) -> tape.Evaluation()); (fun tape -> tape.Training()) ] do
                    let tape = Tape<float>()
                    use _ = start tape
                    let x = tape.Input three

                    let inner, y =
                        use here = tape.At "layer"
                        let inner = here.Only(x.Scale 2.0)
                        inner, here.Keep(inner.Scale 3.0)

                    tape.Backward(y, tensor [ 3 ] [ 1.0; 1.0; 1.0 ])
                    Expect.equal (floats inner.Value) [| 2.0; -4.0; 6.0 |] "value"
                    Expect.equal (floats (gradientOf x)) [| 6.0; 6.0; 6.0 |] "gradient")

            testCase "layers in inference hold the memory of one layer, however many there are" (fun () ->
                let rows = zeros<float> [ 50; 1000 ]

                let capacity layers =
                    let tape = Tape<float>()
                    use _ = tape.Inference()
                    use model = tape.At "model"
                    let mutable x = tape.Constant rows

                    let layer (x: Variable<float>) =
                        use here = tape.At "layer"
                        let y = here.Only(x.Scale(2.0).Scale 0.5)
                        here.Keep(y.Relu())

                    for _ in 1..layers do
                        x <- model.Only(layer x)

                    tape.Arena.Capacity

                // A slab begins on a cache line, wherever its array does.
                Expect.isLessThan (abs (capacity 100 - capacity 3)) 100L "elements")

            testCase "a parameter, a constant and what stood before the layer are kept as they are" (fun () ->
                let tape = Tape<float>()
                let p = Parameter<float>("p", three.ToPersistent())
                use _ = tape.Inference()
                let outside = (tape.Constant three).Scale 2.0

                let keep (x: Variable<float>) =
                    use here = tape.At "layer"
                    x.Reshape 3 |> ignore
                    here.Keep x

                Expect.isTrue (obj.ReferenceEquals(keep (tape.Of p), p) |> not) "a variable of the tape"
                Expect.equal (floats (keep outside).Value) [| 2.0; -4.0; 6.0 |] "from before the layer"
                Expect.equal (floats outside.Value) [| 2.0; -4.0; 6.0 |] "which stays readable"
                Expect.equal (floats (keep (tape.Constant three)).Value) (floats three) "a constant"

                do
                    use here = tape.At "layer"
                    Expect.isTrue (obj.ReferenceEquals(here.Keep(p: Variable<float>), p)) "a parameter itself")
        ]
