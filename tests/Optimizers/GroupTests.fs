/// Parameters that go their own way within an optimizer; how far they go is the law's.
module Hybrid.Tests.Optimizers.GroupTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests.Support

let private made () =
    [
        for i, name in List.indexed [ "weight"; "bias"; "gain" ] ->
            Parameter<float>(name, normal (RandomStream(1UL + uint64 i)) [ 7 ])
    ]

[<Tests>]
let tests =
    testList
        "Optimizers.Groups"
        [
            testCase "groups that are none, or that meet, are refused and leave all as it was" (fun () ->
                let start () =
                    let adam = AdamW<float>(made (), 0.1)
                    adam.AddGroup([ adam.Parameters[1] ], weightDecay = 0.0)
                    adam

                let adam, expected = start (), start ()

                refuses<ArgumentException, _> [ "'bias' is in a group already"; "one rate and one decay" ] (fun () ->
                    adam.AddGroup(adam.Parameters, weightDecay = 0.0))

                refuses<ArgumentException, _> [ "A group needs a parameter"; "what chooses" ] (fun () ->
                    adam.AddGroup(Seq.empty, weightDecay = 0.0))

                refuses<ArgumentException, _>
                    [ "'weight' is no parameter of this optimizer"; "constructor" ]
                    (fun () -> adam.AddGroup([ adam.Parameters[2]; (made ()).Head ], weightDecay = 0.0))

                for decay in [ -0.1; nan; infinity ] do
                    refusesRange [ "weight decay must be a finite number, 0 or more" ] (fun () ->
                        adam.AddGroup([ adam.Parameters[2] ], weightDecay = decay))

                let after (optimizer: Optimizer<float>) =
                    for step in 1..3 do
                        for p in optimizer.Parameters do
                            (normal (RandomStream(uint64 step).Split p.Name) [ 7 ]).Span.CopyTo p.Gradient.Span

                        optimizer.Step(0.1 / float step)

                    [ for p in optimizer.Parameters -> floats p.Value ]

                Expect.equal (after adam) (after expected) "as it was")
        ]
