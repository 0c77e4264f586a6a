module Hybrid.Tests.Rules.DropoutTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

/// Dropout while the tape trains.
let private dropped rate random (tape: Tape<_>) (x: Variable<_>[]) =
    use _ = tape.Training random
    x[0].Dropout rate

/// The same with a mask that is the same in every pass.
let private heldFixed rate seed tape x = dropped rate (RandomStream seed) tape x

let private many = 20_000

[<Tests>]
let tests =
    testList
        "Rules.Dropout"
        [
            property 15 "the gradient agrees with central differences while the mask is held" (fun sizes ->
                let random = sizes.Random
                let x, rate = normal random [ sizes.Batch; sizes.Rows; sizes.Columns ], 0.9 * random.NextUniform()
                Gradients.expectRule "Dropout" random [ x ] [] (heldFixed rate 4UL)
                covers [ "DO-2" ])

            property 25 "every element is either 0 or divided by 1 - rate, in value and gradient alike" (fun sizes ->
                let random = sizes.Random
                let x, rate = normal random [ sizes.Rows; sizes.Columns ], 0.9 * random.NextUniform()
                let dy = normal random [ sizes.Rows; sizes.Columns ]
                let y, dx = runAlong dy [ x ] (heldFixed rate (uint64 sizes.Seed))
                let mask = floats y |> Array.map (fun value -> if value = 0.0 then 0.0 else 1.0 / (1.0 - rate))
                Expect.equal (floats y) (Array.map2 (*) (floats x) mask) "value"
                Expect.equal (floats dx[0]) (Array.map2 (*) (floats dy) mask) "gradient"

                covers [ "DO-1" ])

            testCase "zeros come about as often as the rate says, and the mean stays" (fun () ->
                for rate in [ 0.1; 0.5; 0.9 ] do
                    let y = floats (valueOf [ tensor [ many ] (Array.create many 1f) ] (heldFixed rate 7UL))
                    let zeros = y |> Array.filter ((=) 0.0) |> Array.length |> float
                    // Five standard errors of a share, and of a mean of numbers that are 0 or 1 / (1 - rate).
                    let share = sqrt (rate * (1.0 - rate) / float many)
                    Expect.isLessThan (abs (zeros / float many - rate)) (5.0 * share) "share of zeros"
                    Expect.isLessThan (abs (Array.average y - 1.0)) (5.0 * share / (1.0 - rate)) "mean")

            testCase "neighbours fall independently: both at the rate squared" (fun () ->
                let y = floats (valueOf [ tensor [ many ] (Array.create many 1f) ] (heldFixed 0.5 8UL))
                let both = y |> Array.pairwise |> Array.filter (fun (a, b) -> a = 0.0 && b = 0.0) |> Array.length
                Expect.isLessThan (abs (float both / float many - 0.25)) 0.02 "share of pairs")

            testCase "a new mask is drawn each time, the same for the same seed" (fun () ->
                let ones = tensor [ 100 ] (Array.create 100 1.0)
                let random = RandomStream 9UL
                let draw () = floats (valueOf [ ones ] (dropped 0.5 random))
                let first, second = draw (), draw ()
                Expect.notEqual first second "two masks"
                Expect.equal first (floats (valueOf [ ones ] (heldFixed 0.5 9UL))) "same seed"
                Expect.equal random.Position 100UL "half a number for each element")

            testCase "the mask does not depend on the precision, and runs on over its pieces" (fun () ->
                let x = tensor [ 5000 ] (Array.create 5000 1.0)
                let double = valueOf [ x ] (heldFixed 0.3 3UL)
                let single = valueOf [ toSingle x ] (heldFixed 0.3 3UL)
                Expect.equal (floats single |> Array.map ((=) 0.0)) (floats double |> Array.map ((=) 0.0)) "mask")

            testCase "rate 0 changes nothing" (fun () ->
                let x = tensor [ 3 ] [ 1e4f; -1e4f; Single.Epsilon ]

                let y, dx =
                    runAlong x [ x ] (fun tape x ->
                        tape.Record("Dropout", Dropout.Forward(0.0, RandomStream 1UL, x[0].Value, tape.Arena), x))

                Expect.equal (y.ToArray(), dx[0].ToArray()) (x.ToArray(), x.ToArray()) "value and gradient")

            testCase
                "nothing is recorded at rate 0, nor while the tape evaluates; training without chance is refused"
                (fun () ->
                    let evaluating, training = Tape<float>(), Tape<float>(training = true)
                    let x = evaluating.Input(zeros [ 2 ])
                    Expect.isTrue (obj.ReferenceEquals(x.Dropout 0.5, x)) "while it evaluates"
                    let x = training.Input(zeros [ 2 ])
                    Expect.isTrue (obj.ReferenceEquals(x.Dropout 0.0, x)) "rate 0"

                    refuses<InvalidOperationException, _>
                        [ "'input' [2] needs chance"; "make it with a stream"; "tape.Training(random)" ]
                        (fun () -> x.Dropout 0.5))

            testCase "an empty batch, a single element and denormals pass" (fun () ->
                let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> [ 0; 2 ] ] (heldFixed 0.5 1UL)
                Expect.equal (y.Shape, dx[0].Shape) (shape [ 0; 2 ], shape [ 0; 2 ]) "empty"
                let tiny = floats (valueOf [ tensor [ 1 ] [ Double.Epsilon ] ] (heldFixed 0.5 1UL))
                Expect.contains [ 0.0; 2.0 * Double.Epsilon ] tiny[0] "denormal")

            testCase "a rate outside [0, 1) is refused" (fun () ->
                for rate in [ 1.0; -0.1; 2.0; nan ] do
                    refusesRange [ "rate must lie in [0, 1)" ] (fun () ->
                        Dropout.Forward(rate, RandomStream 1UL, zeros<float> [ 2 ], Arena())))
        ]
