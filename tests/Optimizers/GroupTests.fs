/// Parameters that go their own way within an optimizer.
module Hybrid.Tests.Optimizers.GroupTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests.Support

let private made seed =
    [
        for i, name in List.indexed [ "weight"; "bias"; "gain" ] ->
            Parameter<float>(name, normal (RandomStream(seed + uint64 i)) [ 7 ])
    ]

/// So many steps along gradients that the names and the steps decide; the values after them.
let private after steps (optimizer: Optimizer<float>) =
    for step in 1..steps do
        for parameter in optimizer.Parameters do
            let gradient = normal (RandomStream(uint64 step).Split parameter.Name) [ 7 ]
            gradient.Span.CopyTo parameter.Gradient.Span

        optimizer.Step(0.1 / float step)

    [ for parameter in optimizer.Parameters -> floats parameter.Value ]

/// Every optimizer of ours that decays, of parameters and a decay, and those that do not.
let private decaying: (Parameter<float> list -> float -> Optimizer<float>) list =
    [
        fun parameters decay -> AdamW<float>(parameters, decay)
        fun parameters decay -> Sgd<float>(parameters, 0.9, decay)
        fun parameters decay -> Sgd<float>(parameters, 0.9, decay, nesterov = true)
    ]

let private others: (Parameter<float> list -> Optimizer<float>) list =
    [
        fun parameters -> Adam<float> parameters
        fun parameters -> AdaGrad<float> parameters
        fun parameters -> RmsProp<float> parameters
    ]

[<Tests>]
let tests =
    testList
        "Optimizers.Groups"
        [
            testCase "a group with another decay goes as in an optimizer with that decay, the rest as before" (fun () ->
                for make in decaying do
                    let grouped = make (made 1UL) 0.1
                    grouped.AddGroup(Seq.tail grouped.Parameters, weightDecay = 0.0)
                    let whole, without = after 5 (make (made 1UL) 0.1), after 5 (make (made 1UL) 0.0)
                    Expect.equal (after 5 grouped) (whole.Head :: without.Tail) $"{grouped.GetType().Name}"
                    Expect.notEqual whole.Tail without.Tail "the decay is felt")

            testCase "a group with another rate goes as in an optimizer that is given that rate" (fun () ->
                for make in others @ [ for make in decaying -> fun parameters -> make parameters 0.1 ] do
                    let grouped = make (made 1UL)
                    grouped.AddGroup([ grouped.Parameters[1] ], rate = fun _ rate -> rate / 4.0)
                    grouped.AddGroup([ grouped.Parameters[2] ], rate = fun step _ -> Schedule.Cosine(step, 0.5, 9))
                    let slow, own = make (made 1UL), make (made 1UL)
                    slow.AddGroup(slow.Parameters, rate = fun _ rate -> rate / 4.0)
                    let whole = after 5 (make (made 1UL))
                    let actual = after 5 grouped
                    Expect.equal actual[..1] [ whole[0]; (after 5 slow)[1] ] $"{grouped.GetType().Name}"

                    for step in 1..5 do
                        let gradient = normal (RandomStream(uint64 step).Split "gain") [ 7 ]
                        gradient.Span.CopyTo own.Parameters[2].Gradient.Span
                        own.Step(Schedule.Cosine(step, 0.5, 9))

                    Expect.equal actual[2] (floats own.Parameters[2].Value) "a schedule of its own")

            testCase "at a rate of 0 a group stands still" (fun () ->
                let adam = AdamW<float>(made 1UL)
                adam.AddGroup([ adam.Parameters[0] ], rate = fun _ _ -> 0.0)
                Expect.equal (after 3 adam).Head (floats (made 1UL).Head.Value) "values")

            testCase "saved and resumed, it goes on to the bit" (fun () ->
                Resuming.goesOnToTheBit (fun parameters ->
                    let adam = AdamW<float>(parameters, 0.1)
                    let own = Func<_, _, _>(fun step rate -> rate * Schedule.Linear(step, 10))
                    adam.AddGroup([ parameters[1] ], own, 0.0)
                    adam))

            testCase "groups that are none, or that meet, are refused and leave all as it was" (fun () ->
                let adam = AdamW<float>(made 1UL, 0.1)
                adam.AddGroup([ adam.Parameters[1] ], weightDecay = 0.0)

                refuses<ArgumentException, _> [ "'bias' is in a group already"; "one rate and one decay" ] (fun () ->
                    adam.AddGroup(adam.Parameters, weightDecay = 0.0))

                refuses<ArgumentException, _> [ "A group needs a parameter"; "what chooses" ] (fun () ->
                    adam.AddGroup(Seq.empty, weightDecay = 0.0))

                refuses<ArgumentException, _>
                    [ "'weight' is no parameter of this optimizer"; "constructor" ]
                    (fun () -> adam.AddGroup([ adam.Parameters[2]; (made 1UL).Head ], weightDecay = 0.0))

                for decay in [ -0.1; nan; infinity ] do
                    refuses<ArgumentOutOfRangeException, _>
                        [ "weight decay must be a finite number, 0 or more" ]
                        (fun () -> adam.AddGroup([ adam.Parameters[2] ], weightDecay = decay))

                let expected = AdamW<float>(made 1UL, 0.1)
                expected.AddGroup([ expected.Parameters[1] ], weightDecay = 0.0)
                Expect.equal (after 3 adam) (after 3 expected) "as it was"

                for make in others do
                    let optimizer = make (made 1UL)

                    refuses<ArgumentException, _> [ "has no weight decay"; "such as AdamW" ] (fun () ->
                        optimizer.AddGroup(optimizer.Parameters, weightDecay = 0.0)))

            testCase "a rate that is none is refused although every group ignores it" (fun () ->
                let adam = AdamW<float>(made 1UL)
                adam.AddGroup(adam.Parameters, rate = fun _ _ -> 0.1)

                refuses<ArgumentOutOfRangeException, _> [ "learning rate must be a finite number" ] (fun () ->
                    adam.Step nan)

                Expect.equal adam.Steps 0 "steps")

            testCase "a rate of a group that is none is refused before anything moves" (fun () ->
                for wrong in [ -0.1; nan; infinity ] do
                    let adam = AdamW<float>(made 1UL)
                    adam.AddGroup([ adam.Parameters[2] ], rate = fun _ _ -> wrong)

                    refuses<ArgumentOutOfRangeException, _>
                        [ "rate of 'gain' must be a finite number, 0 or more" ]
                        (fun () -> adam.Step 0.1)

                    Expect.equal adam.Steps 0 "steps"
                    Expect.equal (after 0 adam) (after 0 (AdamW<float>(made 1UL))) "values")
        ]
