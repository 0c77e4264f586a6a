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
open MathNet.Numerics.Statistics

/// One training run of a classifier: its name, under which it is saved, and all that it depends on.
type Course<'Model when 'Model :> IClassifier<float32>> =
    {
        Name: string
        Seed: uint64
        /// What tells its model from others.
        Settings: string
        /// The model, with weights drawn from a stream of chance.
        Model: RandomStream -> 'Model
        /// Made of the parameters; its name tells one from another.
        Optimizer: string * (Parameter<float32> seq -> Optimizer<float32>)
        /// The learning rate of each step, counted from 1.
        Rate: int -> float
        Steps: int
        BatchSize: int
        Train: Examples
        /// Changes a batch of inputs, [batch, features], in place and by chance, before it is learned from; None leaves it as it is.
        Augment: (RandomStream -> Tensor<float32> -> unit) option
        /// How many steps lie between two looks at the error on the training set; None never looks.
        LooksEvery: int option
    }

/// What a run leaves behind.
type Graduate<'Model> =
    {
        Model: 'Model
        /// Step and training loss of its batch.
        Losses: (int * float)[]
        /// Step, and the share of training examples that are classified wrongly.
        Errors: (int * float)[]
        /// True if a number was not finite any more; no step was taken after that.
        Diverged: bool
        Seconds: float
    }

/// Training and testing of classifiers, for all pages that have one.
[<RequireQualifiedAccess>]
module Classifiers =
    /// The pictures with the mean of all numbers to learn from subtracted, and divided by their standard deviation.
    let private standardize (pictures: Pictures) =
        let numbers = pictures.Train.Inputs.ToArray() |> Array.map float
        let mean, deviation = Statistics.Mean numbers, Statistics.PopulationStandardDeviation numbers
        pictures |> Pictures.map (fun x -> float32 ((float x - mean) / deviation))

    let private parts (pictures: Pictures) = pictures.Train, pictures.Test

    /// The digits of scikit-learn, 1,797 images of 8x8 pixels: to learn from (1,297) and to be tested on (500), split by chance. Pixels have
    /// mean 0 and variance 1.
    let digits seed = Pictures.digits seed |> standardize |> parts

    /// The first images of MNIST, 28x28 pixels: 8,000 to learn from, 2,000 to be tested on. Pixels have mean 0 and variance 1.
    let mnist () = Pictures.mnist () |> standardize |> parts

    /// Clothes of ten kinds from Fashion-MNIST, 28x28 pixels: 6,000 to learn from, 1,000 to be tested on. Pixels have mean 0 and variance 1.
    let fashion () = Pictures.fashion () |> standardize |> parts

    /// The reader's own images from a folder, as Pictures.own reads them. Pixels have mean 0 and variance 1.
    let own folder = Pictures.own folder |> standardize

    /// The class with the largest score of each row, up to a thousand rows at a time.
    let predict (tape: Tape<float32>) (model: IClassifier<float32>) (examples: Examples) =
        use _ = tape.Inference()

        [| 0 .. examples.Count - 1 |]
        |> Array.chunkBySize 1000
        |> Array.collect (fun rows ->
            tape.Clear()
            let struct (x, _) = examples.Batch<float32>(ReadOnlySpan rows, tape.Arena)
            let logits = model.Logits(tape.Constant x).Value
            let scores = logits.ToArray() |> Array.chunkBySize logits.Shape.Columns
            scores |> Array.map (fun row -> Array.IndexOf(row, Array.max row)))

    /// The share of examples that are classified wrongly.
    let errorRate tape model (examples: Examples) =
        let wrong =
            Array.zip (predict tape model examples) examples.Labels
            |> Array.sumBy (fun (said, label) -> if said = label then 0 else 1)

        float wrong / float examples.Count

    /// The mean loss over all examples, in nats.
    let loss (tape: Tape<float32>) (model: IClassifier<float32>) (examples: Examples) =
        use _ = tape.Inference()

        let sums =
            [| 0 .. examples.Count - 1 |]
            |> Array.chunkBySize 1000
            |> Array.sumBy (fun rows ->
                tape.Clear()
                let struct (x, labels) = examples.Batch<float32>(ReadOnlySpan rows, tape.Arena)
                let loss = model.Loss(tape.Constant x, labels)
                float rows.Length * float (loss.Value.ToScalar()))

        sums / float examples.Count

    /// Takes all steps of the course, or fewer if it diverges.
    let train (course: Course<'Model>) (tape: Tape<float32>) report =
        let stream = RandomStream(course.Seed).Split("training")
        let model = course.Model(stream.Split "model")
        let optimizer = snd course.Optimizer model.Parameters
        let batches = ExampleStream(course.Train.Count, course.BatchSize, stream.Split "order")
        let augmentation = stream.Split "augmentation"
        let losses, errors = Series 2, Series 2
        let diverged, ticks = ref 0L, ref 0L

        let state = TrainingState()
        state.Add model.Parameters
        state.Add model.Buffers
        state.Add("optimizer", optimizer)
        state.Add("batches", batches)
        state.Add("augmentation", augmentation)
        state.Add("losses", losses)
        state.Add("errors", errors)
        state.Add("diverged", (fun () -> diverged.Value), (fun saved -> diverged.Value <- saved))
        state.Add("ticks", (fun () -> ticks.Value), (fun saved -> ticks.Value <- saved))

        let learn number =
            tape.Clear()
            let struct (x, labels) = course.Train.Batch<float32>(ReadOnlySpan(batches.Next()), tape.Arena)
            course.Augment |> Option.iter (fun change -> change augmentation x)
            use _ = tape.Training()
            let loss = model.Loss(tape.Constant x, labels)
            losses.Add(float number, float (loss.Value.ToScalar()))
            FiniteGuard.ThrowIfNotFinite(number, loss, tape, model.Parameters)
            optimizer.ZeroGradients()
            tape.Backward loss
            FiniteGuard.Step(number, optimizer, course.Rate number, tape)

        let step number =
            if diverged.Value = 0L then
                let begun = Stopwatch.GetTimestamp()

                try
                    learn number
                with :? NonFiniteException ->
                    // A run that goes astray at a high learning rate is a finding; the page tells of it.
                    diverged.Value <- int64 number

                ticks.Value <- ticks.Value + Stopwatch.GetTimestamp() - begun

                match course.LooksEvery with
                | Some every when diverged.Value = 0L && number % every = 0 ->
                    errors.Add(float number, errorRate tape model course.Train)
                | _ -> ()

            report number course.Name

        Training.run
            course.Name
            [
                "seed", string course.Seed
                "model", course.Settings
                "optimizer", fst course.Optimizer
                "steps", string course.Steps
                "learning rate, first to last", $"{course.Rate 1} to {course.Rate course.Steps}"
                "batch", string course.BatchSize
            ]
            state
            course.Steps
            step

        let pairs (series: Series) = [| for row in series.ToArray() -> int row[0], row[1] |]

        {
            Model = model
            Losses = pairs losses
            Errors = pairs errors
            Diverged = diverged.Value > 0L
            Seconds = float ticks.Value / float Stopwatch.Frequency
        }

    /// Takes all courses, one after the other, and tells how far it has come.
    let trainAll (tape: Tape<float32>) name (courses: Course<'Model> list) =
        let before = courses |> List.scan (fun sum course -> sum + course.Steps) 0 |> List.truncate courses.Length

        Progress.run name (courses |> List.sumBy _.Steps) (fun report ->
            [
                for course, before in List.zip courses before ->
                    course, train course tape (fun step message -> report (before + step) message)
            ])

    /// The seconds that training took in all.
    let totalSeconds (runs: (Course<'Model> * Graduate<'Model>) list) =
        runs |> List.sumBy (fun (_, graduate) -> graduate.Seconds)

    /// The mean loss of the last tenth of the steps, in nats; that of knowing nothing if the run diverged.
    let finalLoss (course: Course<'Model>, graduate: Graduate<'Model>) =
        let losses = Array.map snd graduate.Losses

        if graduate.Diverged then
            log (float course.Train.Classes)
        else
            losses |> Array.skip (losses.Length * 9 / 10) |> Array.average
