module Hybrid.Tests.Autodiff.TapeTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

let private parameter values = Parameter<float>("p", tensor [ List.length values ] values)

/// A rule whose pullback does what it is told.
let private recordWith (tape: Tape<float>) (x: Variable<float>) pullback =
    tape.Record("custom", struct (x.Value.ToPersistent(), Pullback pullback), x)

let private backward =
    testList
        "Backward"
        [
            property 25 "gradients of all paths through a diamond add up" (fun sizes ->
                let random = sizes.Random
                let x = normal random [ sizes.Rows ]
                let factors = [ for _ in 1 .. 1 + sizes.Columns -> random.NextNormal() ]

                let diamond (tape: Tape<float>) (x: Variable<float>[]) =
                    let shared = x[0].Scale(2.0)

                    factors |> List.map (fun factor -> shared.Scale(factor)) |> List.reduce (+)

                let dy = normal random [ sizes.Rows ]
                let _, dx = runAlong dy [ x ] diamond

                expectClose
                    1e-13
                    (floats dx[0])
                    (floats dy |> Array.map ((*) (2.0 * List.sum factors)))
                    "sum over the paths")
            testCase
                "whoever watches a tape is told of each rule, and again in reverse when its pullback has run"
                (fun () ->
                    let told = ResizeArray<string * bool>()
                    let tape = Tape<float>()
                    tape.Watcher <- Action<_, _>(fun made isBackward -> told.Add((made.Rule, isBackward)))
                    let x = tape.Input(tensor [ 2 ] [ 1.0; 2.0 ])
                    let before = tape.Arena.Used
                    let y = (x * x).Tanh().Sum()
                    Expect.isGreaterThan tape.Arena.Used before "memory in use"
                    tape.Backward y
                    let forward = [ "Multiply", false; "Tanh", false; "Sum", false ]

                    Expect.equal
                        (List.ofSeq told)
                        (forward @ [ "Sum", true; "Tanh", true; "Multiply", true ])
                        "in order"

                    tape.Clear()
                    Expect.equal tape.Arena.Used 0L "nothing is in use after the pass")


            testCase "a constant receives no gradient, and rules of constants are not recorded" (fun () ->
                let tape = Tape<float>()
                let x, c = tape.Input(tensor [ 2 ] [ 1.0; 2.0 ]), tape.Constant(tensor [ 2 ] [ 3.0; 4.0 ])
                let ofConstants = c.Scale(2.0)
                let y = x + ofConstants
                tape.Backward(y, tensor [ 2 ] [ 1.0; 1.0 ])
                Expect.isFalse (c.WantsGradient || ofConstants.WantsGradient) "wants none"
                Expect.isNull c.Gradient "constant"
                Expect.isNull ofConstants.Gradient "computed from constants"
                Expect.sequenceEqual (tape.Recorded |> Seq.map _.Rule) [ "Add" ] "recorded")

            testCase "going backward twice adds the same gradient again to parameters" (fun () ->
                let p = parameter [ 1.0; -2.0 ]
                let tape = Tape<float>()
                let y = (tape.Of p).Scale(3.0).Scale(5.0).Relu()
                let dy = tensor [ 2 ] [ 1.0; 1.0 ]
                tape.Backward(y, dy)
                Expect.equal (floats p.Gradient) [| 15.0; 0.0 |] "once"
                tape.Backward(y, dy)
                Expect.equal (floats p.Gradient) [| 30.0; 0.0 |] "twice"
                p.ZeroGradient()
                tape.Backward(y, dy)
                Expect.equal (floats p.Gradient) [| 15.0; 0.0 |] "after setting to zero"
                Expect.equal (floats dy) [| 1.0; 1.0 |] "the cotangent is not written to")

            testCase
                "a parameter whose gradient was set to zero reads as zeros, and is overwritten, not added to"
                (fun () ->
                    let p, unused = parameter [ 1.0; -2.0 ], parameter [ 1.0 ]
                    let tape = Tape<float>()
                    let run () = tape.Backward((tape.Of p).Scale(3.0), tensor [ 2 ] [ 1.0; 1.0 ])
                    run ()
                    unused.Gradient.Span.Fill nan
                    p.Gradient.Span.Fill nan

                    for parameter in [ p; unused ] do
                        parameter.ZeroGradient()

                    run ()
                    Expect.equal (floats p.Gradient) [| 3.0; 3.0 |] "overwritten"
                    Expect.equal (floats unused.Gradient) [| 0.0 |] "zeros")

            testCase "a slot that is opened says whether something has arrived" (fun () ->
                let tape = Tape<float>()
                let x = tape.Input(tensor [ 1 ] [ 1.0 ])
                let mutable seen = []

                let write (dy: Tensor<float>) (gradients: Gradients<float>) =
                    let struct (slot, accumulate) = gradients.Open 0
                    seen <- accumulate :: seen
                    slot.Span[0] <- dy[0] + (if accumulate then slot.Span[0] else 0.0)

                let y = recordWith tape x write + recordWith tape x write
                tape.Backward(y, tensor [ 1 ] [ 5.0 ])
                Expect.equal seen [ true; false ] "accumulate"
                Expect.equal (floats (gradientOf x)) [| 10.0 |] "gradient")

            testCase "two outputs of one tape add their gradients" (fun () ->
                let p = parameter [ 1.0 ]
                let tape = Tape<float>()
                let shared = (tape.Of p).Scale(2.0)
                let first, second = shared.Scale(3.0), shared.Scale(10.0)
                tape.Backward first
                tape.Backward second
                Expect.equal (floats p.Gradient) [| 6.0 + 20.0 |] "sum")

            testCase "going backward from the middle leaves what came later alone" (fun () ->
                let tape = Tape<float>()
                let x = tape.Input(tensor [ 1 ] [ 1.0 ])
                let middle = x.Scale(2.0)
                let later = recordWith tape middle (fun _ _ -> failtest "not reached from the output")
                tape.Backward middle
                Expect.equal (floats (gradientOf x)) [| 2.0 |] "gradient"
                Expect.isNull later.Gradient "later")

            testCase "a scalar needs no cotangent, nor does a tensor of one element" (fun () ->
                for extents in [ []; [ 1; 1 ] ] do
                    let tape = Tape<float32>()
                    let x = tape.Input(tensor extents [ 3f ])
                    tape.Backward(x.Scale(4.0))
                    Expect.equal (floats (gradientOf x)) [| 4.0 |] "gradient"
                    Expect.equal (gradientOf x).Shape (shape extents) "shape")

            testCase
                "a pullback in F# sees which gradients are wanted, and slots of zeros in the shape of the input"
                (fun () ->
                    let tape = Tape<float>()
                    let x, c = tape.Input(zeros [ 2; 3 ]), tape.Constant(zeros [ 1 ])
                    let mutable seen = []

                    let look (dy: Tensor<float>) (gradients: Gradients<float>) =
                        seen <- [ gradients.Wants 0; gradients.Wants 1 ]
                        Expect.equal (gradients.Slot(0).ToArray()) (Array.zeroCreate 6) "zeros"
                        Expect.equal (gradients.Slot 0).Shape (shape [ 2; 3 ]) "shape"
                        Expect.equal (dy.ToArray()) [| 7.0 |] "cotangent"

                    let y = tape.Record("custom", struct (zeros [ 1 ], Pullback look), x, c)
                    tape.Backward(y, tensor [ 1 ] [ 7.0 ])
                    Expect.equal seen [ true; false ] "wants")
        ]

let private refusals =
    let once (tape: Tape<float>) =
        let x = tape.Input(tensor [ 2 ] [ 1.0; 2.0 ])
        x, x.Scale(2.0)

    let foreign =
        [ "'Scale' depends on no parameter or input of this tape"; "record it here, after the last Clear()" ]

    testList
        "refusals"
        [
            testCase "several numbers without a cotangent are refused" (fun () ->
                let tape = Tape<float>()
                let _, y = once tape

                refusesShape [ "'Scale' is [2], not a scalar"; "pass a cotangent of that shape" ] (fun () ->
                    tape.Backward y))

            testCase "a cotangent of another shape is refused" (fun () ->
                let tape = Tape<float>()
                let _, y = once tape

                refusesShape [ "cotangent must be [2], got [2, 1]"; "flows into 'Scale'" ] (fun () ->
                    tape.Backward(y, zeros [ 2; 1 ])))

            testCase "a variable of another tape is refused" (fun () ->
                let _, y = once (Tape<float>())
                refuses<InvalidOperationException, _> foreign (fun () -> Tape<float>().Backward(y, zeros [ 2 ])))

            testCase "a variable of constants only is refused" (fun () ->
                let tape = Tape<float>()
                let y = tape.Constant(zeros [ 2 ]).Scale(2.0)
                refuses<InvalidOperationException, _> foreign (fun () -> tape.Backward(y, zeros [ 2 ])))

            testCase "a variable recorded before Clear is refused, and recording it again helps" (fun () ->
                let tape = Tape<float>()
                let _, y = once tape
                tape.Clear()
                let ended = [ "'Scale' belongs to a pass that has ended"; "go backward before the tape is cleared" ]
                refuses<InvalidOperationException, _> ended (fun () -> tape.Backward(y, zeros [ 2 ]))
                let x, y = once tape
                tape.Backward(y, tensor [ 2 ] [ 1.0; 1.0 ])
                Expect.equal (floats (gradientOf x)) [| 2.0; 2.0 |] "gradient")

            testCase "a value computed before Clear cannot be read after it" (fun () ->
                let tape = Tape<float>()
                let _, y = once tape
                tape.Clear()
                refuses<StaleTensorException, _> [ "ToPersistent()" ] (fun () -> y.Value.ToArray()))

            testCase "a parameter must start from a persistent tensor" (fun () ->
                let rented = Tensor.RentZeroed(Arena<float>(), shape [ 2 ])

                refuses<ArgumentException, _>
                    [ "weight must start from a persistent tensor"; "call ToPersistent()" ]
                    (fun () -> Parameter("weight", rented))

                Expect.equal (Parameter("weight", rented.ToPersistent())).Name "weight" "the remedy works")
        ]

let private memory =
    testList
        "memory"
        [
            testCase "steps of one size use the memory of the first" (fun () ->
                let tape = Tape<float>()
                let p = parameter [ 1.0; 2.0; 3.0 ]

                let step () =
                    tape.Clear()
                    tape.Backward((tape.Of p).Scale(2.0).Softmax(), tensor [ 3 ] [ 1.0; 2.0; 3.0 ])
                    p.Gradient.ToArray()

                let first = step ()
                let capacity = tape.Arena.Capacity
                p.ZeroGradient()
                Expect.equal (step ()) first "gradient"
                Expect.equal tape.Arena.Capacity capacity "capacity")

            testCase "two tapes that live at the same time share nothing" (fun () ->
                let one, other = Tape<float>(), Tape<float>()
                let y = one.Input(tensor [ 2 ] [ 1.0; 2.0 ]).Scale(2.0)
                other.Input(tensor [ 2 ] [ 8.0; 9.0 ]).Scale(5.0) |> ignore
                other.Clear()
                Expect.equal (floats y.Value) [| 2.0; 4.0 |] "value")

            testCase "a parameter keeps value and gradient when the tape is cleared" (fun () ->
                let tape = Tape<float>()
                let p = parameter [ 2.0 ]
                Expect.equal (floats p.Gradient) [| 0.0 |] "zeros at first"
                tape.Backward((tape.Of p).Scale(3.0))
                tape.Clear()
                Expect.equal (floats p.Value, floats p.Gradient) ([| 2.0 |], [| 3.0 |]) "kept")
        ]

[<Tests>]
let tests = testList "Autodiff.Tape" [ backward; refusals; memory ]
