/// A backward pass towards some variables alone.
module Hybrid.Tests.Autodiff.TowardsTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

let private parameter name values = Parameter<float>(name, tensor [ List.length values ] values)

/// Two players with a loss each: what the maker makes of noise goes to the judge, as real rows do.
type private Game(sizes: Sizes) =
    let random = sizes.Random
    let noise = normal random [ sizes.Rows; sizes.Inner ]
    let real = normal random [ sizes.Rows; sizes.Columns ]

    member val Maker = Parameter<float>("maker", normal random [ sizes.Inner; sizes.Columns ])
    member val Judge = Parameter<float>("judge", normal random [ sizes.Columns; 1 ])

    /// What flows into either loss, [rows, 1].
    member val Along = normal random [ sizes.Rows; 1 ]

    /// The judge's loss and the maker's.
    member _.Losses(tape: Tape<float>, maker: Variable<float>, judge: Variable<float>) =
        let made = (tape.Constant noise).Linear(maker).Tanh()
        let judged (x: Variable<float>) = x.Linear(judge)
        let ofMade, ofReal = judged made, judged (tape.Constant real)
        let loss sign (x: Variable<float>) = x.Scale(sign).Softplus()
        (loss -1.0 ofReal) + (loss 1.0 ofMade), loss -1.0 ofMade

    member game.Losses(tape: Tape<float>) = game.Losses(tape, game.Maker, game.Judge)

/// Whose loss goes towards whom, and who is to be left alone.
let private sides (game: Game) = [ game.Judge, game.Maker, fst; game.Maker, game.Judge, snd ]

let private flow =
    testList
        "flow"
        [
            property 25 "the other player's gradient keeps its bits, both ways; a plain pass changes it" (fun sizes ->
                let game = Game sizes

                for target, other, lossOf in sides game do
                    let tape: Tape<float> = usedTape ()
                    let loss = lossOf (game.Losses tape)
                    let earlier = floats (normal sizes.Random [ other.Value.Length ])
                    earlier.AsSpan().CopyTo other.Gradient.Span
                    target.ZeroGradient()
                    tape.Backward(loss, [ target ], game.Along)
                    Expect.equal (floats other.Gradient) earlier $"{other.Name} is left alone"
                    let gradient = floats target.Gradient
                    target.ZeroGradient()
                    tape.Backward(loss, game.Along)
                    Expect.equal (floats target.Gradient) gradient $"{target.Name} gets what a plain pass gives it"
                    Expect.notEqual (floats other.Gradient) earlier "a plain pass leaks"

                    other.ZeroGradient()
                    tape.Backward(loss, [ target ], game.Along)
                    Expect.all (floats other.Gradient) ((=) 0.0) "zeros stay zeros")

            property
                15
                "two losses and two optimizers on one tape take the steps of two tapes, to the bit"
                (fun sizes ->
                    let run (backward: Game -> unit) =
                        let game = Game sizes
                        let players = [ game.Maker; game.Judge ]
                        let optimizers = [ for player in players -> Adam<float> [ player ] ]

                        [
                            for _ in 1..4 do
                                for optimizer in optimizers do
                                    optimizer.ZeroGradients()

                                backward game

                                for optimizer in optimizers do
                                    optimizer.Step 0.05

                                for player in players do
                                    player.Gradient.ToArray(), player.Value.ToArray()
                        ]

                    let onOneTape (game: Game) =
                        let tape: Tape<float> = usedTape ()
                        let ofJudge, ofMaker = game.Losses tape
                        tape.Backward(ofJudge, [ game.Judge ], game.Along)
                        tape.Backward(ofMaker, [ game.Maker ], game.Along)

                    let onTwoTapes (game: Game) =
                        let first: Tape<float> = usedTape ()
                        let ofJudge, _ = game.Losses(first, first.Constant game.Maker.Value, game.Judge)
                        first.Backward(ofJudge, game.Along)
                        let second: Tape<float> = usedTape ()
                        let _, ofMaker = game.Losses(second, game.Maker, second.Constant game.Judge.Value)
                        second.Backward(ofMaker, game.Along)

                    Expect.equal (run onOneTape) (run onTwoTapes) "gradients and weights of four steps")

            testCase "a parameter of both losses receives from each what it is asked for" (fun () ->
                let shared, first, second =
                    parameter "shared" [ 1.0 ], parameter "first" [ 1.0 ], parameter "second" [ 1.0 ]

                let tape = Tape<float>()
                let one = (tape.Of shared).Scale(3.0) + (tape.Of first).Scale(5.0)
                let other = (tape.Of shared).Scale(7.0) + (tape.Of second).Scale(11.0)
                let gradients () = [ for p in [ shared; first; second ] -> p.Gradient[0] ]
                tape.Backward(one, [ shared; first ])
                Expect.equal (gradients ()) [ 3.0; 5.0; 0.0 ] "the first loss"
                tape.Backward(other, [ second ])
                Expect.equal (gradients ()) [ 3.0; 5.0; 11.0 ] "the second, without the shared one"
                tape.Backward(other, [ shared ])
                Expect.equal (gradients ()) [ 10.0; 5.0; 11.0 ] "and towards it")

            testCase "going twice adds the same gradient again, and setting to zero forgets it" (fun () ->
                let kept, left = parameter "kept" [ 2.0; -1.0 ], parameter "left" [ 1.0; 1.0 ]
                let tape = Tape<float>()
                let y = (tape.Of kept).Scale(3.0) + left
                let run () = tape.Backward(y, [ kept ], tensor [ 2 ] [ 1.0; 10.0 ])
                run ()
                run ()
                Expect.equal (floats kept.Gradient) [| 6.0; 60.0 |] "twice"
                kept.ZeroGradient()
                run ()
                Expect.equal (floats kept.Gradient) [| 3.0; 30.0 |] "after setting to zero"
                Expect.equal (floats left.Gradient) [| 0.0; 0.0 |] "left alone")

            testCase "all paths to the target add up, and one that misses it counts for nothing" (fun () ->
                let x, other = parameter "x" [ 1.0 ], parameter "other" [ 1.0 ]
                let tape = Tape<float>()
                let twice = (tape.Of x).Scale(2.0)
                let paths = twice.Scale(3.0) + (tape.Of x).Scale(5.0)
                tape.Backward(paths + (tape.Of other).Scale(7.0), [ x ])
                Expect.equal (floats x.Gradient) [| 11.0 |] "3 · 2 + 5")

            testCase "inputs, recorded variables and the output itself are targets too" (fun () ->
                let tape = Tape<float>()
                let x = tape.Input(tensor [ 1 ] [ 1.0 ])
                let middle = x.Scale(2.0)
                let y = middle.Scale(3.0)
                tape.Backward(y, [ middle ])
                Expect.equal (floats (gradientOf middle)) [| 3.0 |] "the middle"
                Expect.isNull x.Gradient "nothing past it"
                tape.Backward(y, [ x ])
                Expect.equal (floats (gradientOf x)) [| 6.0 |] "the input"
                tape.Backward(y, [ y ])
                Expect.equal (floats (gradientOf y)) [| 1.0 |] "the output"
                Expect.isNull x.Gradient "nothing past it, and nothing is left of the pass before")
        ]

let private work =
    testList
        "work"
        [
            testCase "what does not lead to a target is not wanted, and its pullback never runs" (fun () ->
                let maker, judge = parameter "maker" [ 1.0 ], parameter "judge" [ 2.0 ]
                let tape = Tape<float>()
                let never = Pullback<float>(fun _ _ -> failtest "the maker's pullback ran")
                let made = tape.Record("made", struct (zeros<float> [ 1 ], never), maker)
                let mutable seen = []

                let look (dy: Tensor<float>) (gradients: Gradients<float>) =
                    seen <- [ gradients.Wants 0; gradients.Wants 1 ]
                    let slot = gradients.Slot 1
                    slot.Span[0] <- slot.Span[0] + dy[0]

                let y = tape.Record("judged", struct (zeros<float> [ 1 ], Pullback look), made, judge)
                tape.Backward(y, [ judge ])
                Expect.equal seen [ false; true ] "wants"
                Expect.isNull made.Gradient "no memory for a gradient"
                Expect.equal (floats judge.Gradient) [| 1.0 |] "judge")

            testCase "a pullback that does not ask what is wanted reaches nothing else" (fun () ->
                let maker, judge = parameter "maker" [ 1.0 ], parameter "judge" [ 2.0 ]
                let tape = Tape<float>()

                let blunt (dy: Tensor<float>) (gradients: Gradients<float>) =
                    for input in 0..1 do
                        let slot = gradients.Slot input
                        slot.Span[0] <- slot.Span[0] + 3.0 * dy[0]

                let y = tape.Record("blunt", struct (zeros<float> [ 1 ], Pullback blunt), maker, judge)
                tape.Backward(y, [ judge ])
                Expect.equal (floats maker.Gradient, floats judge.Gradient) ([| 0.0 |], [| 3.0 |]) "towards one"
                tape.Backward y
                Expect.equal (floats maker.Gradient, floats judge.Gradient) ([| 3.0 |], [| 6.0 |]) "a plain pass")

            testCase "checking every rule names the culprit, and no gradient that this pass did not make" (fun () ->
                let maker, judge = parameter "maker" [ 1e-300; 1.0 ], parameter "judge" [ 1.0; 1.0 ]
                judge.Gradient.Span.Fill nan
                let tape = Tape<float>(ChecksFinite = true)
                let y = (tape.Of maker).Scale(1e200) + judge
                tape.Backward(y, [ maker ], tensor [ 2 ] [ 1.0; 1.0 ])

                refuses<NonFiniteException, _>
                    [ "the pullback of 'Scale' made a gradient of 'maker: Of' [2]" ]
                    (fun () -> tape.Backward(y, [ maker ], tensor [ 2 ] [ 1e200; 1.0 ])))

            testCase "steps of one size use the memory of the first" (fun () ->
                let game = Game { Batch = 1; Rows = 4; Inner = 3; Columns = 5; Seed = 1 }
                let tape = Tape<float>()

                let step () =
                    tape.Clear()
                    let ofJudge, ofMaker = game.Losses tape
                    tape.Backward(ofJudge, [ game.Judge ], game.Along)
                    tape.Backward(ofMaker, [ game.Maker ], game.Along)

                step ()
                let capacity = tape.Arena.Capacity
                step ()
                Expect.equal tape.Arena.Capacity capacity "capacity")
        ]

let private refusals =
    let remedy = "go towards what the output depends on"

    testList
        "refusals"
        [
            testCase "a variable that the output was not computed from is refused, and nothing has changed" (fun () ->
                let used, unused = parameter "used" [ 1.0 ], parameter "unused" [ 1.0 ]
                let tape = Tape<float>()
                let y = (tape.Of used).Scale(2.0)

                refuses<InvalidOperationException, _>
                    [ "'unused' [1]"; "'Scale' was not computed from it on this tape"; remedy ]
                    (fun () -> tape.Backward(y, [ used; unused ]))

                Expect.equal (floats used.Gradient) [| 0.0 |] "no gradient"
                let later = y.Relu()

                refuses<InvalidOperationException, _> [ "'Relu' [1]"; remedy ] (fun () -> tape.Backward(y, [ later ])))

            testCase "a constant is refused" (fun () ->
                let tape = Tape<float>()
                let c = tape.Constant(tensor [ 1 ] [ 1.0 ])
                let y = tape.Input(tensor [ 1 ] [ 1.0 ]) + c

                refuses<InvalidOperationException, _> [ "'constant' [1] is a constant"; remedy ] (fun () ->
                    tape.Backward(y, [ c ])))

            testCase "an output of another tape, or from before Clear, is refused" (fun () ->
                let p = parameter "p" [ 1.0 ]
                let tape = Tape<float>()
                let y = (tape.Of p).Scale(2.0)
                let fragments = [ "'p' [1]"; "on this tape since its last Clear()" ]
                refuses<InvalidOperationException, _> fragments (fun () -> Tape<float>().Backward(y, [ p ]))
                tape.Clear()
                refuses<InvalidOperationException, _> fragments (fun () -> tape.Backward(y, [ p ])))

            testCase "several numbers without a cotangent are refused, as is one of another shape" (fun () ->
                let p = parameter "p" [ 1.0; 2.0 ]
                let tape = Tape<float>()
                let y = (tape.Of p).Scale(2.0)
                refusesShape [ "pass a cotangent" ] (fun () -> tape.Backward(y, [ p ]))

                refusesShape [ "cotangent must be [2]" ] (fun () ->
                    tape.Backward(y, [ p ], tensor [ 1; 2 ] [ 1.0; 1.0 ])))
        ]

[<Tests>]
let tests = testList "Autodiff.Tape towards" [ flow; work; refusals ]
