/// A run that is saved, and another that goes on from there.
module Hybrid.Tests.Optimizers.Resuming

open Expecto
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests.Checkpoints
open Hybrid.Tests.Support

/// Ten steps, and three of them, saved, resumed and seven more, come to the same bits.
let goesOnToTheBit (make: Parameter<float> list -> Optimizer<float>) =
    let start () =
        let random = RandomStream 1UL
        let trained = [ Parameter<float>("a", normal random [ 3; 5 ]); Parameter<float>("b", normal random [ 2 ]) ]
        let optimizer = make trained
        let state = TrainingState()
        state.Add trained
        state.Add("optimizer", optimizer)

        let take steps =
            for step in steps do
                for i, parameter in List.indexed trained do
                    (normal (RandomStream(uint64 (10 * step + i))) (List.ofArray (parameter.Value.Shape.ToArray())))
                        .Span.CopyTo
                        parameter.Gradient.Span

                optimizer.Step 0.1

        trained, state, take

    let all (parameters: Parameter<float> list) = parameters |> List.map (fun p -> floats p.Value)

    Files.withFolder (fun folder ->
        use checkpoints = CheckpointFolder.Open folder
        let settings = readOnlyDict []
        let whole, state, take = start ()
        take [ 1..3 ]
        checkpoints.Save("run", settings, state)
        take [ 4..10 ]
        let resumed, state, take = start ()
        Expect.isTrue (checkpoints.Resume("run", settings, state)) "there is a checkpoint"
        take [ 4..10 ]
        Expect.equal (all resumed) (all whole) "values")
