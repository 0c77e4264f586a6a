module Hybrid.Tests.Models.GanTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support
open Hybrid.Tests.Models.TinyGan

let private objectives = List.ofArray (Enum.GetValues<GeneratorObjective>())

/// A batch of data and noise.
let private batch rows (seed: uint64) =
    let random = RandomStream(seed).Split "batch"
    normal random [ rows; features ], normal random [ rows; noiseWidth ]

let private softplus z = max z 0.0 + Math.Log(1.0 + exp -(abs z))

let private sigma z = 1.0 / (1.0 + exp -z)

let private lossOfDiscriminator (gan: Gan<float>) (target: float) seed (real, noise) (tape: Tape<float>) =
    use _ = tape.Training(RandomStream seed)
    gan.DiscriminatorLoss(tape, real, noise, target)

let private lossOfGenerator (gan: Gan<float>) objective seed noise (tape: Tape<float>) =
    use _ = tape.Training(RandomStream seed)
    gan.GeneratorLoss(tape, noise, objective)

let private value (record: Tape<float> -> Variable<float>) = (record (usedTape ())).Value.ToScalar()

/// A game whose logits are a parameter: a discriminator that hands through what a generator of nothing else makes.
let private told (z: Parameter<float>) =
    let generator =
        { new IGenerator<float> with
            member _.Parameters = [ z ]
            member _.Buffers = []
            member _.Noise = 1
            member _.Features = 1
            member _.Generate noise = (nonNull noise.Tape).Of z
        }

    let discriminator =
        { new IDiscriminator<float> with
            member _.Parameters = []
            member _.Buffers = []
            member _.Logits x = x
        }

    Gan<float>(generator, discriminator)

/// Gives logits of 0 from now on.
let private silence (gan: Gan<float>) =
    for parameter in gan.Discriminator.Parameters do
        if parameter.Name.StartsWith "discriminator.output" then
            parameter.Value.Span.Clear()

let private gradients (parameters: Parameter<float> seq) =
    [ for parameter in parameters -> parameter.Gradient.ToArray() ]

/// Fills gradients with numbers that a test can know again.
let private mark (parameters: Parameter<float> seq) =
    for parameter in parameters do
        (floats (normal (RandomStream 3UL) [ parameter.Value.Length ])).AsSpan().CopyTo parameter.Gradient.Span

let private zero (parameters: Parameter<float> seq) =
    for parameter in parameters do
        parameter.ZeroGradient()

/// Both losses, each with the player that it is of and the one that it is not.
let private sides (gan: Gan<float>) (real, noise) =
    let g, d = List.ofSeq gan.Generator.Parameters, List.ofSeq gan.Discriminator.Parameters

    ("discriminator", d, g, lossOfDiscriminator gan 1.0 1UL (real, noise))
    :: [ for objective in objectives -> $"generator, {objective}", g, d, lossOfGenerator gan objective 1UL noise ]

let private derivatives =
    testList
        "gradients"
        [
            testCase
                "with respect to the logit they are σ(z) − 1 and −σ(z): one vanishes where the discriminator is sure, the other does not"
                (fun () ->
                    let z = [ -1e4; -30.0; -5.0; -1.0; 0.0; 0.5; 3.0; 20.0; 1e4 ]
                    let count = float z.Length
                    let noise = zeros<float> [ z.Length; 1 ]

                    let gradient objective =
                        let logits = Parameter<float>("z", tensor [ z.Length; 1 ] z)
                        let tape: Tape<float> = usedTape ()
                        tape.Backward((told logits).GeneratorLoss(tape, noise, objective))
                        floats logits.Gradient |> Array.map (fun g -> count * g)

                    let strong, weak =
                        gradient GeneratorObjective.NonSaturating, gradient GeneratorObjective.Saturating

                    expectClose 1e-14 strong [| for z in z -> sigma z - 1.0 |] "−log σ(z)"
                    expectClose 1e-14 weak [| for z in z -> -(sigma z) |] "log(1 − σ(z))"
                    expectClose 1e-14 (Array.map2 (-) strong weak) [| for z in z -> 2.0 * sigma z - 1.0 |] "apart"
                    // Where the discriminator is sure of the sample, they are e^z apart, or more.
                    expectNear 1e-12 (weak[1] / strong[1] / exp -30.0) 1.0 "ratio"
                    Expect.equal (weak[0], strong[0]) (0.0, -1.0) "at −10⁴"
                    covers [ "GAN-2"; "GAN-3" ])

            testCase "a discriminator's gradients are those of samples that are constants, to the bit" (fun () ->
                for name, make in games do
                    let gan = shaken 1UL (make 1UL)
                    let real, noise = batch 4 2UL
                    let d = List.ofSeq gan.Discriminator.Parameters
                    let made = samples gan.Generator true noise
                    let tape: Tape<float> = usedTape ()
                    zero d
                    tape.Backward(lossOfDiscriminator gan 0.9 1UL (real, noise) tape, gan.Discriminator.Parameters)
                    let towards = gradients d
                    let tape: Tape<float> = usedTape ()
                    use _ = tape.Training(RandomStream 1UL)

                    let loss (target: float) x = (gan.Discriminator.Logits(tape.Constant x)).BinaryCrossEntropy target

                    let ofReal = loss 0.9 real
                    let ofMade = loss 0.0 made
                    zero d
                    tape.Backward(ofReal + ofMade)
                    Expect.equal towards (gradients d) name)

            testCase "a step of one player leaves the other's gradients and weights alone, to the bit" (fun () ->
                for name, make in games do
                    let gan = shaken 1UL (make 1UL)

                    for side, own, others, record in sides gan (batch 4 2UL) do
                        let weights = [ for parameter in others -> parameter.Value.ToArray() ]
                        mark others
                        let marks = gradients others
                        zero own
                        let tape: Tape<float> = usedTape ()
                        tape.Backward(record tape, own)
                        Expect.equal (gradients others) marks $"{name}, {side}: the other's gradients"

                        for parameter in own do
                            Expect.exists (floats parameter.Gradient) ((<>) 0.0) $"{name}, {side}: {parameter.Name}"

                        Sgd<float>(own, 0.0).Step 0.1
                        Expect.equal [ for p in others -> p.Value.ToArray() ] weights $"{name}, {side}: weights"

                        // Without the direction the pass reaches both, or this test could not fail.
                        let tape: Tape<float> = usedTape ()
                        tape.Backward(record tape)
                        Expect.notEqual (gradients others) marks $"{name}, {side}: a plain pass leaks")
        ]

let private values =
    testList
        "values"
        [
            testCase "logits of 0 give log 4 to the discriminator, log 2 and −log 2 to the generator" (fun () ->
                for name, make in games do
                    let gan = shaken 1UL (make 1UL)
                    let real, noise = batch 5 2UL
                    silence gan

                    for target in [ 1.0; 0.9; 0.0 ] do
                        expectNear 1e-14 (value (lossOfDiscriminator gan target 1UL (real, noise))) (log 4.0) name

                    let ofGenerator objective = value (lossOfGenerator gan objective 1UL noise)
                    expectNear 1e-14 (ofGenerator GeneratorObjective.NonSaturating) (log 2.0) name
                    expectNear 1e-14 (ofGenerator GeneratorObjective.Saturating) (-(log 2.0)) name

                covers [ "GAN-1" ])

            testCase "the losses are the paper's, of D(x) and D(G(z))" (fun () ->
                for name, make in games do
                    for seed in 1UL .. 4UL do
                        let gan = shaken seed (make seed)
                        let real, noise = batch 4 seed
                        let chance = RandomStream 1UL
                        let ofReal = floats (logits gan.Discriminator chance real)

                        let judgeMade chance =
                            floats (logits gan.Discriminator chance (samples gan.Generator true noise))

                        let ofMade = judgeMade chance
                        let log1 z = -(softplus -z)
                        let log0 z = -(softplus z)

                        for target in [ 1.0; 0.9 ] do
                            let smoothed z = target * log1 z + (1.0 - target) * log0 z
                            let expected = -(Array.averageBy smoothed ofReal) - Array.averageBy log0 ofMade
                            let actual = value (lossOfDiscriminator gan target 1UL (real, noise))
                            expectNear 1e-12 actual expected $"{name}, GAN-1"

                        let ofMade = judgeMade (RandomStream 1UL)
                        let actual objective = value (lossOfGenerator gan objective 1UL noise)
                        let nonSaturating = -(Array.averageBy log1 ofMade)
                        expectNear 1e-12 (actual GeneratorObjective.NonSaturating) nonSaturating $"{name}, GAN-2"

                        expectNear
                            1e-12
                            (actual GeneratorObjective.Saturating)
                            (Array.averageBy log0 ofMade)
                            $"{name}, GAN-3"

                covers [ "GAN-1"; "GAN-2"; "GAN-3" ])

            testCase "where samples are the data, no discriminator gets below log 4 (theorem 1 of the paper)" (fun () ->
                // Dropout would judge the two by other masks.
                for name, make in games |> List.filter (fun (name, _) -> not (name.EndsWith "dropout")) do
                    for seed in 1UL .. 10UL do
                        let gan = shaken seed (make seed)
                        let _, noise = batch 6 seed
                        let data = samples gan.Generator true noise
                        let loss = value (lossOfDiscriminator gan 1.0 1UL (data, noise))
                        Expect.isGreaterThanOrEqual loss (log 4.0 - 1e-12) $"{name}, seed {seed}")

            testCase "data and samples may differ in number" (fun () ->
                let gan = shaken 1UL (perceptrons [ 4 ] ActivationKind.Identity 2 0.0 1UL)
                let real, _ = batch 7 1UL
                let _, noise = batch 3 1UL
                let ofReal = floats (logits gan.Discriminator null real) |> Array.averageBy (fun z -> softplus -z)
                let made = samples gan.Generator false noise
                let ofMade = floats (logits gan.Discriminator null made) |> Array.averageBy softplus
                expectNear 1e-12 (value (lossOfDiscriminator gan 1.0 1UL (real, noise))) (ofReal + ofMade) "loss")
        ]

let private training =
    testList
        "training"
        [
            testCase "a discriminator learns to tell data from samples that stay as they are" (fun () ->
                for name, make in games do
                    let gan = make 1UL
                    let real, noise = batch 8 1UL
                    let optimizer = Adam<float>(gan.Discriminator.Parameters)
                    let tape = Tape<float>()

                    for _ in 1..150 do
                        tape.Clear()
                        optimizer.ZeroGradients()
                        tape.Backward(lossOfDiscriminator gan 1.0 1UL (real, noise) tape, optimizer.Parameters)
                        optimizer.Step 0.02

                    Expect.isLessThan (value (lossOfDiscriminator gan 1.0 1UL (real, noise))) 0.3 name)

            testCase "a generator learns to be taken for data by a discriminator that stays as it is" (fun () ->
                for name, make in games do
                    for objective in objectives do
                        let gan = shaken 2UL (make 2UL)
                        let _, noise = batch 8 1UL
                        let optimizer = Adam<float>(gan.Generator.Parameters)
                        let tape = Tape<float>()
                        let loss () = value (lossOfGenerator gan objective 1UL noise)
                        let before = loss ()

                        for _ in 1..150 do
                            tape.Clear()
                            optimizer.ZeroGradients()
                            tape.Backward(lossOfGenerator gan objective 1UL noise tape, optimizer.Parameters)
                            optimizer.Step 0.02

                        Expect.isLessThan (loss ()) (before - 0.1) $"{name}, {objective}")
        ]

let private refusals =
    testList
        "refusals"
        [
            testCase "data or noise of another width, and a target that is no probability, are refused" (fun () ->
                for _, make in games do
                    let gan = make 1UL
                    let real, noise = batch 3 1UL
                    let tape = Tape<float>(training = true, random = RandomStream 1UL)
                    let other = zeros<float> [ 3; features + 1 ]

                    let refused got call = refuses<ShapeException, Variable<float>> [ "x must be"; $"got {got}" ] call
                    refused "[3, 33]" (fun () -> gan.DiscriminatorLoss(tape, other, noise))
                    refused "[3, 32]" (fun () -> gan.DiscriminatorLoss(tape, real, real))
                    refused "[3, 33]" (fun () -> gan.GeneratorLoss(tape, other))

                    for target in [ -0.1; 1.1; nan ] do
                        refusesRange [ "must lie in [0, 1]" ] (fun () ->
                            gan.DiscriminatorLoss(tape, real, noise, target)))

            testCase "names of both players are unique together, so that one checkpoint can hold them" (fun () ->
                for name, make in games do
                    let gan = make 1UL
                    let names = [ for p in parametersOf gan -> p.Name ] @ [ for name, _ in statisticsOf gan -> name ]
                    Expect.equal (List.distinct names) names name)
        ]

[<Tests>]
let tests = testList "Models.Gan" [ derivatives; values; training; refusals ]
