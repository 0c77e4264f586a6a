/// A training step takes its tensors from the arena: what the garbage collector sees is bookkeeping alone.
module Hybrid.Tests.Models.AllocationTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Data
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors

[<Tests>]
let tests =
    testSequenced
    <| testList
        "Memory of a training step"
        [
            testCase "100 steps allocate no tensor, and the arena does not grow" (fun () ->
                let settings =
                    TransformerSettings(
                        SourceVocabulary = 64,
                        TargetVocabulary = 64,
                        Features = 64,
                        Heads = 4,
                        EncoderLayers = 1,
                        DecoderLayers = 1,
                        HiddenFeatures = 256
                    )

                let random = RandomStream 1UL
                let model = Transformer<float32>(settings, random.Split "model")
                let optimizer = Adam<float32>(model.Parameters)
                let sequence _ = Array.init 24 (fun _ -> 4 + random.NextBelow 60)
                let batch = PairBatch [| for i in 1..32 -> SequencePair(sequence i, sequence i) |]
                let tape = Tape<float32>()
                let dropout = random.Split "dropout"

                let step () =
                    let loss = model.Loss(Pass(tape, dropout), batch, 0.1)
                    optimizer.ZeroGradients()
                    tape.Backward loss
                    tape.Clear()
                    optimizer.Step 1e-4

                for _ in 1..10 do
                    step ()

                let held = tape.Arena.Capacity
                let before = GC.GetAllocatedBytesForCurrentThread()

                for _ in 1..100 do
                    step ()

                let perStep = (GC.GetAllocatedBytesForCurrentThread() - before) / 100L
                // The smallest activation, a batch of rows of 64 features.
                let tensor = int64 (32 * 24 * 64 * sizeof<float32>)

                printfn
                    $"A training step allocates {perStep} bytes of bookkeeping; its smallest activation has {tensor}."

                Expect.isLessThan perStep tensor "all allocations of a step together are less than one tensor"
                Expect.equal tape.Arena.Capacity held "arena")
        ]
