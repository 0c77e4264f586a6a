/// Every optimizer and schedule of the core against torch's, over fifty steps.
module Hybrid.Parity.Optimizers

open System
open System.Numerics
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Tensors
open TorchSharp
open TorchSharp.Modules

let private steps = 50

/// How to make an optimizer, of ours and of theirs; the learning rate comes with each step.
type private IMaker =
    abstract Ours<'T
        when 'T: (new: unit -> 'T)
        and 'T: struct
        and 'T: unmanaged
        and 'T :> ValueType
        and 'T :> IBinaryFloatingPointIeee754<'T>> : Parameter<'T>[] -> Optimizer<'T>

    abstract Theirs: Parameter[] -> torch.optim.Optimizer

/// The parameters after fifty steps along the same random gradients, at a learning rate that changes.
let private compare<'T
    when 'T: (new: unit -> 'T)
    and 'T: struct
    and 'T: unmanaged
    and 'T :> ValueType
    and 'T :> IBinaryFloatingPointIeee754<'T>>
    (maker: IMaker)
    (random: RandomStream)
    =
    use _ = torch.NewDisposeScope()
    let shapes = [ for _ in 1..3 -> [ Numbers.whole random 1 9; Numbers.whole random 1 30 ] ]
    let start = [ for extents in shapes -> extents, Numbers.normals random (Numbers.count extents) ]
    let ours = [| for extents, values in start -> Parameter<'T>("p", Numbers.ours<'T> extents values) |]
    let theirs = [| for extents, values in start -> new Parameter(Numbers.theirs<'T> extents values, true) |]
    let optimizer = maker.Ours<'T> ours
    use theirOptimizer = maker.Theirs theirs

    for step in 1..steps do
        let rate = 0.01 / sqrt (float step)

        for mine, other in Array.zip ours theirs do
            let extents = mine.Value.Shape.ToArray() |> List.ofArray
            let gradient = Numbers.normals random mine.Value.Length
            (Numbers.ours<'T> extents gradient).Span.CopyTo mine.Gradient.Span
            other.grad <- Numbers.theirs<'T> extents gradient

        for group in theirOptimizer.ParamGroups do
            group.LearningRate <- rate * group.InitialLearningRate

        optimizer.Step rate
        theirOptimizer.step () |> ignore

    let distance (mine: Parameter<'T>) (other: Parameter) =
        Numbers.distance (Numbers.ofOurs mine.Value) (Numbers.ofTheirs other)

    {
        Forward = Array.map2 distance ours theirs |> Array.fold (fun worst error -> Math.Max(worst, error)) 0.0
        Backward = None
    }

let private sgd (random: RandomStream) =
    let momentum = if Numbers.flip random then 0.0 else 0.95 * random.NextUniform()
    let decay = if Numbers.flip random then 0.0 else 0.5 * random.NextUniform()

    { new IMaker with
        member _.Ours parameters = Sgd<_>(parameters, momentum, decay)
        member _.Theirs parameters = torch.optim.SGD(parameters, 1.0, momentum, weight_decay = decay)
    }

let private nesterov (random: RandomStream) =
    let momentum = 0.05 + 0.9 * random.NextUniform()
    let decay = if Numbers.flip random then 0.0 else 0.5 * random.NextUniform()

    { new IMaker with
        member _.Ours parameters = Sgd<_>(parameters, momentum, decay, nesterov = true)
        member _.Theirs parameters = torch.optim.SGD(parameters, 1.0, momentum, weight_decay = decay, nesterov = true)
    }

let private adaGrad (random: RandomStream) =
    let eps = 10.0 ** -float(Numbers.whole random 6 10)

    { new IMaker with
        member _.Ours parameters = AdaGrad<_>(parameters, eps)
        member _.Theirs parameters = torch.optim.Adagrad(parameters, 1.0, eps = eps)
    }

let private rmsProp (random: RandomStream) =
    let decay, eps = 0.8 + 0.199 * random.NextUniform(), 10.0 ** -float(Numbers.whole random 6 9)

    { new IMaker with
        member _.Ours parameters = RmsProp<_>(parameters, decay, eps)
        member _.Theirs parameters = torch.optim.RMSProp(parameters, 1.0, alpha = decay, eps = eps)
    }

let private betas (random: RandomStream) =
    0.8 + 0.15 * random.NextUniform(), 0.9 + 0.099 * random.NextUniform(), 10.0 ** -float(Numbers.whole random 6 9)

let private adam random =
    let beta1, beta2, eps = betas random

    { new IMaker with
        member _.Ours parameters = Adam<_>(parameters, beta1, beta2, eps)
        member _.Theirs parameters = torch.optim.Adam(parameters, 1.0, beta1, beta2, eps)
    }

let private adamW random =
    let beta1, beta2, eps = betas random
    let decay = 0.1 * random.NextUniform()

    { new IMaker with
        member _.Ours parameters = AdamW<_>(parameters, decay, beta1, beta2, eps)
        member _.Theirs parameters = torch.optim.AdamW(parameters, 1.0, beta1, beta2, eps, decay)
    }

/// The middle one of the parameters has a rate and a decay of its own.
let private adamWInGroups random =
    let beta1, beta2, eps = betas random
    let decay, ownDecay, factor = 0.1 * random.NextUniform(), 0.1 * random.NextUniform(), random.NextUniform()

    let group parameters (rate: float) (decay: float) =
        let options =
            AdamW.Options(
                beta1 = Nullable beta1,
                beta2 = Nullable beta2,
                eps = Nullable eps,
                weight_decay = Nullable decay,
                LearningRate = Nullable rate,
                InitialLearningRate = rate
            )

        AdamW.ParamGroup(parameters, options)

    { new IMaker with
        member _.Ours parameters =
            let adam = AdamW<_>(parameters, decay, beta1, beta2, eps)
            adam.AddGroup([ parameters[1] ], (fun _ rate -> factor * rate), ownDecay)
            adam

        member _.Theirs parameters =
            let rest = group [ parameters[0]; parameters[2] ] 1.0 decay
            torch.optim.AdamW([ rest; group [ parameters[1] ] factor ownDecay ], 1.0)
    }

/// What stands behind a comma is special about the comparison.
let private optimizers =
    [
        "Sgd", sgd
        "Sgd, Nesterov", nesterov
        "AdaGrad", adaGrad
        "RmsProp", rmsProp
        "Adam", adam
        "AdamW", adamW
        "AdamW, groups", adamWInGroups
    ]

/// Rates over fifty steps, of a schedule of ours and one of theirs for an optimizer of that rate.
let private rates rate (ours: int -> float) (make: torch.optim.Optimizer -> torch.optim.lr_scheduler.LRScheduler) =
    use _ = torch.NewDisposeScope()
    let optimizer = torch.optim.SGD([| new Parameter(torch.zeros 1L) |], rate)
    let scheduler = make optimizer

    let theirs =
        [|
            for _ in 1..steps do
                (Seq.head optimizer.ParamGroups).LearningRate
                scheduler.step ()
        |]

    // Rates may be far below one; they are compared as shares of the highest.
    let highest = Array.max theirs
    Numbers.distance [| for step in 1..steps -> ours step / highest |] (Array.map (fun rate -> rate / highest) theirs)

/// Torch's scheduler multiplies the optimizer's own rate by a factor, and counts its steps from zero.
let private lambda rate ours (factor: float -> float) =
    rates rate ours (fun optimizer ->
        torch.optim.lr_scheduler.LambdaLR(optimizer, fun epoch -> factor (float (epoch + 1))))

let private warmup (random: RandomStream) =
    let features, warmupSteps = Numbers.whole random 8 600, Numbers.whole random 1 40
    let scale = 0.1 + random.NextUniform()

    lambda scale (fun step -> Schedule.Warmup(step, features, warmupSteps, scale)) (fun step ->
        float features ** -0.5 * min (step ** -0.5) (step * float warmupSteps ** -1.5))

let private linear (random: RandomStream) =
    let totalSteps, part = Numbers.whole random 30 60, 0.01 + 0.99 * random.NextUniform()

    lambda 1.0 (fun step -> Schedule.Linear(step, totalSteps, part)) (fun step ->
        Math.Clamp((float totalSteps - step + 1.0) / (part * float totalSteps), 0.0, 1.0))

let private stepped (random: RandomStream) =
    let drops =
        [ for _ in 1 .. Numbers.whole random 0 4 -> Numbers.whole random 5 60 ]
        |> List.distinct
        |> List.sort
        |> Array.ofList

    let rate, factor = 0.1 + random.NextUniform(), 1.5 + 10.0 * random.NextUniform()

    rates rate (fun step -> Schedule.Steps(step, rate, drops, factor)) (fun optimizer ->
        torch.optim.lr_scheduler.MultiStepLR(optimizer, drops, 1.0 / factor))

let private cosine (random: RandomStream) =
    let rate = 0.1 + random.NextUniform()
    let totalSteps, lowest = Numbers.whole random steps 90, 0.1 * random.NextUniform()

    rates rate (fun step -> Schedule.Cosine(step, rate, totalSteps, lowest = lowest)) (fun optimizer ->
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, totalSteps, lowest))

/// The norm and the gradients after clipping. Torch divides by the norm and 10⁻⁶ more, which is taken back.
let private clipping (random: RandomStream) =
    use _ = torch.NewDisposeScope()
    let maximum = 0.1 + 20.0 * random.NextUniform()
    let shapes = [ for _ in 1..3 -> [ Numbers.whole random 1 9; Numbers.whole random 1 30 ] ]
    let drawn = [ for extents in shapes -> extents, Numbers.normals random (Numbers.count extents) ]

    let ours =
        [|
            for extents, gradient in drawn ->
                let parameter = Parameter<float>("p", Numbers.ours<float> extents gradient)
                (Numbers.ours<float> extents gradient).Span.CopyTo parameter.Gradient.Span
                parameter
        |]

    let theirs =
        [|
            for extents, gradient in drawn ->
                let parameter = new Parameter(Numbers.theirs<float> extents gradient, true)
                parameter.grad <- Numbers.theirs<float> extents gradient
                parameter
        |]

    let norm = GradientClipping.ByGlobalNorm(ours, maximum)
    let theirNorm = torch.nn.utils.clip_grad_norm_ (theirs, maximum)
    let correction = if theirNorm + 1e-6 > maximum then (theirNorm + 1e-6) / theirNorm else 1.0

    let distance (mine: Parameter<float>) (other: Parameter) =
        let clipped = Numbers.ofTheirs (nonNull other.grad) |> Array.map (fun g -> g * correction)
        Numbers.distance (Numbers.ofOurs mine.Gradient) clipped

    Array.map2 distance ours theirs |> Array.append [| abs (norm - theirNorm) / norm |] |> Array.max

/// The mean of several moments of a parameter, against torch's mean of them all.
let private average (random: RandomStream) =
    use _ = torch.NewDisposeScope()
    let extents = [ Numbers.whole random 1 9; Numbers.whole random 1 30 ]

    let moments = [| for _ in 1 .. Numbers.whole random 1 20 -> Numbers.normals random (Numbers.count extents) |]

    let parameter = Parameter<float>("p", Numbers.ours<float> extents moments[0])
    let average = ParameterAverage<float> [| parameter |]

    for moment in moments do
        moment.AsSpan().CopyTo parameter.Value.Span
        average.Add()

    average.Exchange()
    let all = torch.stack [| for moment in moments -> Numbers.theirs<float> extents moment |]
    Numbers.distance (Numbers.ofOurs parameter.Value) (Numbers.ofTheirs (all.mean [| 0L |]))

/// The moving average after several moments, summed as the recurrence says.
let private movingAverage (random: RandomStream) =
    use _ = torch.NewDisposeScope()
    let extents = [ Numbers.whole random 1 9; Numbers.whole random 1 30 ]
    let decay = 0.999 * random.NextUniform()
    let draw () = Numbers.normals random (Numbers.count extents)
    let start = draw ()
    let parameter = Parameter<float>("p", Numbers.ours<float> extents start)
    let ema = Ema<float>([| parameter |], decay)
    let mutable mean = Numbers.theirs<float> extents start

    for _ in 1 .. Numbers.whole random 1 20 do
        let moment = draw ()
        moment.AsSpan().CopyTo parameter.Value.Span
        ema.Update()
        mean <- mean * decay.ToScalar() + Numbers.theirs<float> extents moment * (1.0 - decay).ToScalar()

    ema.Exchange()
    Numbers.distance (Numbers.ofOurs parameter.Value) (Numbers.ofTheirs mean)

let names = [ for name, _ in optimizers -> name.Split(',')[0] ]

let private others =
    [
        "Schedule.Warmup", "schedule", warmup
        "Schedule.Linear", "schedule", linear
        "Schedule.Steps", "schedule", stepped
        "Schedule.Cosine", "schedule", cosine
        "GradientClipping", "clipping", clipping
        "ParameterAverage", "averaging", average
        "Ema", "averaging", movingAverage
    ]

let otherNames = [ for name, _, _ in others -> name.Split('.')[0] ]
let private cases = 25

let rows isAsked =
    [
        for name, draw in optimizers do
            if isAsked name then
                let random = RandomStream(1UL).Split $"optimizer {name}"

                let run (compare: IMaker -> RandomStream -> Distance) i () =
                    compare (draw (random.Split $"case {i}")) (random.Split $"numbers {i}")

                let single, wrong =
                    Hearing.all
                        $"optimizer {name}"
                        [
                            for i in 1..cases ->
                                { Settings = ""; Single = run compare<float32> i; Double = run compare<float> i }
                        ]

                {
                    Kind = "optimizer"
                    Name = name
                    Cases = cases
                    Double =
                        [ for i in 1..cases -> Distance.Of $"optimizer {name}" i (run compare<float> i) ]
                        |> List.reduce Distance.Worse
                    Single = Some single
                    Wrong = wrong
                }

        for name, kind, compare in others do
            if isAsked name then
                let random = RandomStream(1UL).Split $"{kind} {name}"
                let worst = [ for i in 1..cases -> compare (random.Split $"case {i}") ] |> List.max

                {
                    Kind = kind
                    Name = name
                    Cases = cases
                    Double = { Forward = worst; Backward = None }
                    Single = None
                    Wrong = []
                }
    ]
