/// A training step takes its tensors from the arena: what the garbage collector sees is bookkeeping alone.
module Hybrid.Tests.Models.AllocationTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Data
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Support

/// Once the first steps have run, a step allocates less than its smallest activation has, and the arena stays as it is.
let private expectSteady name (tape: Tape<float32>) smallest step =
    for _ in 1..10 do
        step ()

    let held = tape.Arena.Capacity
    let before = GC.GetAllocatedBytesForCurrentThread()

    for _ in 1..100 do
        step ()

    let perStep = (GC.GetAllocatedBytesForCurrentThread() - before) / 100L
    let tensor = int64 (smallest * sizeof<float32>)
    printfn $"{name}: a training step allocates {perStep} bytes of bookkeeping; its smallest activation has {tensor}."
    Expect.isLessThan perStep tensor "all allocations of a step together are less than one tensor"
    Expect.equal tape.Arena.Capacity held "arena"

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
                let tape = Tape<float32>(training = true, random = random.Split "dropout")

                let step () =
                    let loss = model.Loss(tape, batch, 0.1)
                    optimizer.ZeroGradients()
                    tape.Backward loss
                    tape.Clear()
                    optimizer.Step 1e-4

                // The smallest activation: a batch of rows of 64 features.
                expectSteady "Transformer" tape (32 * 24 * 64) step)

            for kind in [ ActivationKind.Relu; ActivationKind.PRelu; ActivationKind.SwiGlu ] do
                testCase
                    $"100 steps of a perceptron with {kind} allocate no tensor, and the arena does not grow"
                    (fun () ->
                        let settings =
                            MlpSettings(Inputs = 128, Hidden = [ 256; 128 ], Outputs = 64, Activation = kind)

                        let random = RandomStream 1UL
                        let model = Mlp<float32>(settings, random.Split "model")
                        let optimizer = Adam<float32>(model.Parameters)
                        let x = toSingle (normal random [ 256; 128 ])
                        let labels = Array.init 256 (fun _ -> random.NextBelow 64)
                        let tape = Tape<float32>()

                        let step () =
                            let loss = model.Loss(tape.Constant x, labels)
                            optimizer.ZeroGradients()
                            tape.Backward loss
                            tape.Clear()
                            optimizer.Step 1e-4

                        // The logits.
                        expectSteady $"Mlp, {kind}" tape (256 * 64) step)

            testCase "100 steps of a residual network allocate no tensor, and the arena does not grow" (fun () ->
                let settings =
                    ResNetSettings(Height = 8, Width = 8, Channels = 1, Layers = 8, BaseFilters = 16, Classes = 10)

                let random = RandomStream 1UL
                let model = ResNet<float32>(settings, random.Split "model")
                let optimizer = Sgd<float32>(model.Parameters, 0.9, 1e-4)
                let x = toSingle (normal random [ 128; 64 ])
                let labels = Array.init 128 (fun _ -> random.NextBelow 10)
                let tape = Tape<float32>(training = true)

                let step () =
                    let loss = model.Loss(tape.Constant x, labels)
                    optimizer.ZeroGradients()
                    tape.Backward loss
                    tape.Clear()
                    optimizer.Step 1e-4

                // The smallest activation of a block: a batch of 2x2 images of 64 channels.
                expectSteady "ResNet" tape (128 * 2 * 2 * 64) step)

            testCase "100 steps of both players of a game allocate no tensor, and the arena does not grow" (fun () ->
                let random = RandomStream 1UL
                let settings = TinyGan.dcgan 8 8 1 16 32 true
                let generator = DcganGenerator<float32>(settings, random)
                let gan = Gan<float32>(generator, DcganDiscriminator<float32>(settings, random))
                let forD, forG = Adam<float32> gan.Discriminator.Parameters, Adam<float32> gan.Generator.Parameters
                let real, noise = toSingle (normal random [ 128; 64 ]), toSingle (normal random [ 128; 16 ])
                let tape = Tape<float32>(training = true)

                let move (optimizer: Adam<float32>) (loss: Variable<float32>) =
                    optimizer.ZeroGradients()
                    tape.Backward(loss, optimizer.Parameters)
                    tape.Clear()
                    optimizer.Step 1e-4

                let step () =
                    move forD (gan.DiscriminatorLoss(tape, real, noise))
                    move forG (gan.GeneratorLoss(tape, noise))

                // The smallest activation inside: a batch of 2x2 images of 64 channels.
                expectSteady "Gan" tape (128 * 2 * 2 * 64) step)
        ]
