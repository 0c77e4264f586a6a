namespace Hybrid.Scripts

open System
open System.Diagnostics
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Checks
open Hybrid.Data
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors

/// What each number of a generator's noise is drawn from.
[<RequireQualifiedAccess>]
type Noise =
    /// Uniform from -1 to 1, as the program of Radford et al. 2015 has it.
    | Uniform
    /// Normal with mean 0 and variance 1, as the program of Goodfellow et al. 2014 has it unless told otherwise.
    | Normal

/// One run of a generator against a discriminator: its name, under which it is saved, and all that it depends on.
type Contest =
    {
        Name: string
        Seed: uint64
        /// What tells its networks and its data from others.
        Settings: string
        /// Both networks, with weights drawn from a stream of chance.
        Networks: RandomStream -> Gan<float32>
        /// Made of the parameters of each side; its name tells one from another.
        Optimizer: string * (Parameter<float32> seq -> Optimizer<float32>)
        /// The learning rates of the discriminator and of the generator at each of the generator's steps, counted from 1.
        Rates: (int -> float) * (int -> float)
        /// Of the generator.
        Steps: int
        /// Of the discriminator before each of the generator; k in algorithm 1.
        DiscriminatorSteps: int
        BatchSize: int
        /// What the discriminator is to say of real examples, a probability; below 1 it is one-sided label smoothing.
        RealTarget: float
        Objective: GeneratorObjective
        Noise: Noise
        /// Fills a batch, [batch, features], with real examples that it draws by chance.
        Real: RandomStream -> Tensor<float32> -> unit
        /// How often it is looked at, evenly and the last time at its end, beside once before its first step; 0 never looks.
        Looks: int
        /// What is seen: rows of numbers, kept with the run. It may use the tape, and draws from no stream that goes on.
        Look: Tape<float32> -> Gan<float32> -> float[][]
        /// Numbers in each of these rows.
        LookWidth: int
    }

/// What a run leaves behind.
type Outcome =
    {
        Gan: Gan<float32>
        /// Step, the discriminator's loss (the last before the generator's step) and the generator's, each of its own batch and in nats; in a step
        /// that failed, NaN for what it did not come to.
        Losses: (int * float * float)[]
        /// Step, 0 before the first, and what was seen then.
        Looks: (int * float[][])[]
        /// True if a number was not finite any more; no step was taken after that.
        Diverged: bool
        /// Of training, without looks.
        Seconds: float
    }

/// Training of generators against discriminators (Goodfellow et al. 2014, algorithm 1), for all pages that do it.
[<RequireQualifiedAccess>]
module Adversaries =
    let private fillWithNoise kind (random: RandomStream) (batch: Tensor<float32>) =
        let draw =
            match kind with
            | Noise.Uniform -> fun () -> float32 (2.0 * random.NextUniform() - 1.0)
            | Noise.Normal -> fun () -> float32 (random.NextNormal())

        for i in 0 .. batch.Length - 1 do
            batch.Span[i] <- draw ()

    /// Noise for a generator, [count, width].
    let noise kind (random: RandomStream) count width =
        let noise = Tensor<float32>.Zeros(Shape(count, width))
        fillWithNoise kind random noise
        noise

    /// Fills a batch, [batch, features], with examples, each of them every time as likely as any other.
    let drawing (examples: Examples) (random: RandomStream) (batch: Tensor<float32>) =
        for i in 0 .. batch.Shape.Rows - 1 do
            let example =
                examples.Inputs.Span.Slice(random.NextBelow examples.Count * examples.Features, examples.Features)

            example.CopyTo(batch.Span.Slice(i * examples.Features))

    /// What a network makes of rows, up to five hundred at a time.
    let private inBatches
        (tape: Tape<float32>)
        (rows: Tensor<float32>)
        (network: Variable<float32> -> Variable<float32>)
        =
        let width = rows.Shape.Columns
        use _ = tape.Inference()

        rows.ToArray()
        |> Array.chunkBySize (500 * width)
        |> Array.collect (fun numbers ->
            tape.Clear()
            let batch = Tensor<float32>.Rent(tape.Arena, Shape(numbers.Length / width, width))
            numbers.CopyTo batch.Span
            (network (tape.Constant batch)).Value.ToArray())

    /// What the generator makes of each row of noise, [count, Noise], in the manner of testing.
    let samples (tape: Tape<float32>) (gan: Gan<float32>) (noise: Tensor<float32>) =
        inBatches tape noise gan.Generator.Generate |> Array.chunkBySize gan.Generator.Features

    /// How probable it is to the discriminator that each row of x, [count, features], is real, in the manner of testing.
    let discriminate (tape: Tape<float32>) (gan: Gan<float32>) (x: Tensor<float32>) =
        inBatches tape x gan.Discriminator.Logits
        |> Array.map (fun logit -> 1.0 / (1.0 + exp (-(float logit))))

    /// One side: what it trains, by what, and how fast.
    type private Side(parameters: Parameter<float32> seq, contest: Contest, rate: int -> float, tape: Tape<float32>) =
        let optimizer = snd contest.Optimizer parameters

        member _.Parameters = parameters
        member _.Optimizer = optimizer

        /// One step down this side's loss, which is told before anything can fail.
        member _.Learn(step, loss: unit -> Variable<float32>, tell: float -> unit) =
            tape.Clear()
            let loss = loss ()
            tell (float (loss.Value.ToScalar()))
            FiniteGuard.ThrowIfNotFinite(step, loss, tape, parameters)
            optimizer.ZeroGradients()
            tape.Backward(loss, towards = parameters)
            FiniteGuard.Step(step, optimizer, rate step, tape)

    /// Takes all steps of the contest, or fewer if it diverges.
    let train (contest: Contest) (tape: Tape<float32>) report : Outcome =
        let stream = RandomStream(contest.Seed).Split("training")
        let gan = contest.Networks(stream.Split "networks")
        let discriminator = Side(gan.Discriminator.Parameters, contest, fst contest.Rates, tape)
        let generator = Side(gan.Generator.Parameters, contest, snd contest.Rates, tape)
        let real, noises, dropout = stream.Split "real", stream.Split "noise", stream.Split "dropout"
        let losses, looks = Series 3, Series(1 + contest.LookWidth)
        let diverged, ticks = ref 0L, ref 0L

        let state = TrainingState()
        state.Add discriminator.Parameters
        state.Add gan.Discriminator.Buffers
        state.Add("discriminator optimizer", discriminator.Optimizer)
        state.Add generator.Parameters
        state.Add gan.Generator.Buffers
        state.Add("generator optimizer", generator.Optimizer)
        state.Add("real", real)
        state.Add("noise", noises)
        state.Add("dropout", dropout)
        state.Add("losses", losses)
        state.Add("looks", looks)
        state.Add("diverged", (fun () -> diverged.Value), (fun saved -> diverged.Value <- saved))
        state.Add("ticks", (fun () -> ticks.Value), (fun saved -> ticks.Value <- saved))

        /// In the memory of the step.
        let filled width (fill: Tensor<float32> -> unit) =
            let batch = Tensor<float32>.Rent(tape.Arena, Shape(contest.BatchSize, width))
            fill batch
            batch

        let draw () = filled gan.Generator.Noise (fillWithNoise contest.Noise noises)

        let learn number (ofStep: float[]) =
            use _ = tape.Training dropout

            for _ in 1 .. contest.DiscriminatorSteps do
                let loss () =
                    let examples = filled gan.Generator.Features (contest.Real real)
                    gan.DiscriminatorLoss(tape, examples, draw (), contest.RealTarget)

                discriminator.Learn(number, loss, (fun loss -> ofStep[0] <- loss))

            let loss () = gan.GeneratorLoss(tape, draw (), contest.Objective)
            generator.Learn(number, loss, (fun loss -> ofStep[1] <- loss))

        let look number =
            for row in contest.Look tape gan do
                if row.Length <> contest.LookWidth then
                    invalidArg
                        (nameof contest)
                        $"a look at '{contest.Name}' gave a row of {row.Length} numbers, and LookWidth is {contest.LookWidth}; make them equal."

                looks.Add(Array.append [| float number |] row)

        /// True if the share of the looks that are due grows by one at this step.
        let isDue number =
            let due steps = int64 steps * int64 contest.Looks / int64 contest.Steps
            due number > due (number - 1)

        let step number =
            if number = 1 && contest.Looks > 0 then
                look 0

            if diverged.Value = 0L then
                let begun = Stopwatch.GetTimestamp()
                let ofStep = [| nan; nan |]

                try
                    learn number ofStep
                with :? NonFiniteException ->
                    // A contest that goes astray is a finding; the page tells of it.
                    diverged.Value <- int64 number

                losses.Add(float number, ofStep[0], ofStep[1])
                ticks.Value <- ticks.Value + Stopwatch.GetTimestamp() - begun

                if diverged.Value = 0L && isDue number then
                    look number

            report number contest.Name

        let range (rate: int -> float) = $"{rate 1} to {rate contest.Steps}"

        Training.run
            contest.Name
            [
                "seed", string contest.Seed
                "networks", contest.Settings
                "optimizer", fst contest.Optimizer
                "steps", string contest.Steps
                "discriminator's steps", string contest.DiscriminatorSteps
                "discriminator's learning rate, first to last", range (fst contest.Rates)
                "generator's learning rate, first to last", range (snd contest.Rates)
                "batch", string contest.BatchSize
                "real target", string contest.RealTarget
                "objective", string contest.Objective
                "noise", string contest.Noise
                "looks", string contest.Looks
            ]
            state
            contest.Steps
            step

        {
            Gan = gan
            Losses = [| for row in losses.ToArray() -> int row[0], row[1], row[2] |]
            Looks =
                looks.ToArray()
                |> Array.groupBy (fun row -> int row[0])
                |> Array.map (fun (step, rows) -> step, Array.map Array.tail rows)
            Diverged = diverged.Value > 0L
            Seconds = float ticks.Value / float Stopwatch.Frequency
        }

    /// Takes all contests, one after the other, and tells how far it has come.
    let trainAll (tape: Tape<float32>) name (contests: Contest list) =
        let before = contests |> List.scan (fun sum contest -> sum + contest.Steps) 0 |> List.truncate contests.Length

        Progress.run name (contests |> List.sumBy _.Steps) (fun report ->
            [
                for contest, before in List.zip contests before ->
                    contest, train contest tape (fun step message -> report (before + step) message)
            ])

    /// The seconds that training took in all.
    let totalSeconds (runs: (Contest * Outcome) list) = runs |> List.sumBy (fun (_, outcome) -> outcome.Seconds)
