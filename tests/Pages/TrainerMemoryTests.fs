/// The prelude's trainers take their batches from the memory of the step: nothing the size of a batch is left to the garbage collector, which
/// would not move it, because a tensor is pinned.
module Hybrid.Tests.Pages.TrainerMemoryTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Data
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests.Checkpoints
open Hybrid.Tests.Models
open Hybrid.Scripts
open Hybrid.Tests.Support

let private first, last = 10, 40
let private rows, features, noise = 128, 784, 256

/// Bytes of a tensor of single precision.
let private bytesOf rows columns = int64 (rows * columns * sizeof<float32>)

/// What a step allocates once the first have run.
let private bytesPerStep (train: (int -> string -> unit) -> unit) =
    let counted = Array.zeroCreate (last + 1)
    let report number _ = counted[number] <- GC.GetAllocatedBytesForCurrentThread()

    Files.withFolder (fun folder ->
        let page = Page.read [| "--out"; folder |] "memory" [] |> Option.get
        Page.enter { page with KeepsCheckpoints = false }
        train report)

    (counted[last] - counted[first]) / int64 (last - first)

let private examples =
    lazy
        (let random = RandomStream 1UL
         Examples(toSingle (normal random [ 500; features ]), Array.init 500 (fun i -> i % 10), 10))

let private classifier report =
    Classifiers.train
        {
            Name = "classifier"
            Seed = 1UL
            Settings = "small"
            Model = fun stream -> Mlp<float32>(MlpSettings(Inputs = features, Hidden = [ 32 ], Outputs = 10), stream)
            Optimizer = "momentum", (fun parameters -> Sgd<float32>(parameters, 0.9))
            Rate = fun _ -> 0.01
            Steps = last
            BatchSize = rows
            Train = examples.Value
            Augment = None
            LooksEvery = Some 1
        }
        (Tape<float32>())
        report
    |> ignore

let private contest report =
    Adversaries.train
        {
            Name = "contest"
            Seed = 1UL
            Settings = "small"
            Networks =
                fun stream ->
                    Gan<float32>(
                        MlpGenerator<float32>(TinyGan.generatorOf noise [ 32 ] features ActivationKind.Sigmoid, stream),
                        MlpDiscriminator<float32>(TinyGan.discriminatorOf features [ 16 ] 2 0.2 0.5, stream)
                    )
            Optimizer = "adam", (fun parameters -> Adam<float32>(parameters))
            Rates = (fun _ -> 1e-3), (fun _ -> 1e-3)
            Steps = last
            DiscriminatorSteps = 1
            BatchSize = rows
            RealTarget = 0.9
            Objective = GeneratorObjective.NonSaturating
            Noise = Noise.Normal
            Real = Adversaries.drawing examples.Value
            Looks = 0
            Look = fun _ _ -> [||]
            LookWidth = 1
        }
        (Tape<float32>())
        report
    |> ignore

/// Sequenced: there is one page a process.
[<Tests>]
let tests =
    testSequenced (
        testList
            "Pages.TrainerMemory"
            [
                testCase "a step of a classifier, and a look at all its examples, allocate less than one batch"
                <| fun _ -> Expect.isLessThan (bytesPerStep classifier) (bytesOf rows features) "bytes"

                testCase "a step of a contest allocates less than one batch of noise"
                <| fun _ -> Expect.isLessThan (bytesPerStep contest) (bytesOf rows noise) "bytes"
            ]
    )
