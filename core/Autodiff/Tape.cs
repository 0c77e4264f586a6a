namespace Hybrid.Autodiff;

/// <summary>
/// One pass: remembers the rules that were applied, in order, and runs their pullbacks in reverse. This is all of reverse-mode
/// differentiation: the chain rule is the loop in <c>Backward</c>, everything else is in the rules.
/// </summary>
/// <remarks>
/// It also says what a pass needs to know: whether it trains, where chance comes from, and at which place of the model it is. First order
/// only: pullbacks compute numbers and are not recorded themselves. Not thread-safe; a tape owns one arena.
/// </remarks>
public sealed partial class Tape<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>
    /// A rule that was applied, with its pullback of one value or of many. The versions of its inputs' values begin at a place in their
    /// list.
    /// </summary>
    private readonly record struct Entry(
        Variable<T>[] Outputs, Variable<T>[] Inputs, int Versions, Pullback<T>? OfOne, PullbackOfMany<T>? OfMany);

    private readonly List<Entry> entries = [];
    private readonly List<int> versions = [];
    private readonly List<Variable<T>> inputs = [];
    // Of the backward pass that goes towards some variables alone; kept, as a trainer goes backward at every step.
    private readonly HashSet<Variable<T>> leading = [], downstream = [];

    /// <summary>Makes a tape.</summary>
    /// <param name="training">True if the pass trains: batch statistics and dropout; false if it evaluates.</param>
    /// <param name="random">Where a pass that trains draws chance from, such as masks of dropout; null if it needs none.</param>
    public Tape(bool training = false, RandomStream? random = null) => Mode = new TapeMode(training, Records: true, random, Place: "");

    /// <summary>Memory of the current pass; rules rent their values from it.</summary>
    public Arena<T> Arena { get; } = new();

    /// <summary>
    /// True makes every rule be checked as soon as it has run, forward and backward, and the first that made NaN or an infinity be
    /// named. Costs a pass over every value, so it is off by default.
    /// </summary>
    public bool ChecksFinite { get; set; }

    /// <summary>
    /// True keeps the gradient of every variable until the tape is cleared, for inspection. Otherwise only inputs, parameters and what a
    /// backward pass goes towards have one after it: the memory of all others is used again as soon as their pullbacks have run.
    /// </summary>
    public bool KeepsGradients { get; set; }

    /// <summary>
    /// Told of each rule's first value, [any shape], as soon as it has run, and again, with true, when its pullback has: what a profiler
    /// needs. Null for nobody.
    /// </summary>
    public Action<Variable<T>, bool>? Watcher { get; set; }

    /// <summary>True if the pass trains: batch normalization uses the batch, and dropout drops.</summary>
    public bool IsTraining => Mode.Trains;

    /// <summary>False in inference, when no gradient will be asked for and nothing is remembered.</summary>
    public bool IsRecording => Mode.Records;

    /// <summary>Where chance comes from while the pass trains; null if it has none.</summary>
    public RandomStream? Random => Mode.Random;

    /// <summary>The place in the model at which rules are recorded at the moment; empty outside of any layer.</summary>
    public string Place => Mode.Place;

    internal TapeMode Mode { get; set; }

    /// <summary>The recorded variables in the order in which they were computed, for inspection.</summary>
    public IEnumerable<Variable<T>> Recorded => entries.SelectMany(entry => entry.Outputs);

    /// <summary>From here to the end of the scope the pass trains.</summary>
    /// <param name="random">Where chance comes from; null if none is needed.</param>
    public TapeScope<T> Training(RandomStream? random = null) => new(this, Mode with { Trains = true, Records = true, Random = random });

    /// <summary>
    /// From here to the end of the scope the pass evaluates: running statistics, nothing dropped. Gradients can still be asked for.
    /// </summary>
    public TapeScope<T> Evaluation() => new(this, Mode with { Trains = false, Records = true, Random = null });

    /// <summary>The same without gradients: nothing is remembered, and each layer gives back all memory but that of its output.</summary>
    public TapeScope<T> Inference() => new(this, Mode with { Trains = false, Records = false, Random = null });

    /// <summary>From here to the end of the scope rules are recorded at this place.</summary>
    /// <param name="place">Path of a layer in its model, such as <c>encoder.0.norm</c>.</param>
    public TapeScope<T> At(string place) => new(this, Mode with { Place = place }, releases: !Mode.Records);

    /// <summary>A value into which no gradient flows, such as data.</summary>
    public Variable<T> Constant(Tensor<T> value) => new(this, "constant", "", [], value, wantsGradient: false);

    /// <summary>A value whose gradient is wanted although it is not a parameter, such as the input of a gradient check.</summary>
    public Variable<T> Input(Tensor<T> value)
    {
        Variable<T> input = new(this, "input", "", [], value, wantsGradient: true);
        inputs.Add(input);
        return input;
    }

    /// <summary>
    /// A parameter as a variable of this tape, for a rule that has no other input, such as the square in a penalty of weights. Its place
    /// is the parameter's path.
    /// </summary>
    public Variable<T> Of(Parameter<T> parameter)
    {
        using var here = new TapeScope<T>(this, Mode with { Place = parameter.Name });
        return Record(new("Of") { Rereads = [] }, parameter.Value.WithPullback(Elementwise.Copy), parameter);
    }

    /// <summary>The variable that was recorded last at a place by a rule.</summary>
    /// <param name="place">Path of the layer.</param>
    /// <param name="rule">Name of the rule; null if the layer's last is meant.</param>
    /// <exception cref="KeyNotFoundException">There is none; the message says which rules were recorded there.</exception>
    public Variable<T> Find(string place, string? rule = null)
    {
        Variable<T>[] here = [.. Recorded.Where(made => made.Place == place)];
        return here.LastOrDefault(made => rule is null || made.Rule == rule) ?? throw new KeyNotFoundException(here.Length == 0
            ? $"nothing was recorded at '{place}'; there are {Listed(Recorded.Select(made => $"'{made.Place}'"))}. "
                + "In inference nothing is recorded."
            : $"no {rule} was recorded at '{place}'; there are {Listed(here.Select(made => made.Rule))}.");

        static string Listed(IEnumerable<string> names) => string.Join(", ", names.Distinct().Take(20));
    }

    /// <summary>Records the result of a rule.</summary>
    /// <param name="operation">The rule, with its attributes; its name alone is enough for a rule without any.</param>
    /// <param name="result">What the rule returned: its value and its pullback.</param>
    /// <param name="inputs">
    /// The rule's tensor inputs, in the order in which its pullback numbers them; constants, of which it knows nothing, last.
    /// </param>
    /// <exception cref="InvalidOperationException">An input belongs to another tape, or to a pass that has ended.</exception>
    /// <exception cref="NonFiniteException">The value is not finite, and <see cref="ChecksFinite"/> is set.</exception>
    public Variable<T> Record(Operation operation, (Tensor<T> Value, Pullback<T> Pullback) result, params Variable<T>[] inputs) =>
        Add(operation, [result.Value], result.Pullback, null, inputs)[0];

    /// <summary>Records the result of a rule of several values; its pullback gets a cotangent for each.</summary>
    /// <param name="operation">The rule, with its attributes.</param>
    /// <param name="values">The values.</param>
    /// <param name="pullback">The pullback of all of them.</param>
    /// <param name="inputs">
    /// The rule's tensor inputs, in the order in which its pullback numbers them; constants, of which it knows nothing, last.
    /// </param>
    /// <returns>A variable for each value.</returns>
    /// <inheritdoc cref="Record"/>
    public Variable<T>[] RecordMany(Operation operation, Tensor<T>[] values, PullbackOfMany<T> pullback, params Variable<T>[] inputs) =>
        Add(operation, values, null, pullback, inputs);

    private Variable<T>[] Add(
        Operation operation, ReadOnlySpan<Tensor<T>> values, Pullback<T>? ofOne, PullbackOfMany<T>? ofMany, Variable<T>[] inputs)
    {
        var wantsGradient = false;
        foreach (var input in inputs)
        {
            ThrowIfForeign(input, operation.Rule);
            wantsGradient |= IsRecording && input.WantsGradient;
        }
        if (ChecksFinite) ThrowIfNotFinite(operation, values, inputs);
        var outputs = new Variable<T>[values.Length];
        for (var i = 0; i < outputs.Length; i++) outputs[i] = new(this, operation, Place, inputs, values[i], wantsGradient);
        if (wantsGradient)
        {
            entries.Add(new(outputs, inputs, versions.Count, ofOne, ofMany));
            foreach (var input in inputs) versions.Add(input.Value.Version);
        }
        Watcher?.Invoke(outputs[0], false);
        return outputs;
    }

    /// <summary>Adds the gradient of the output into every input and parameter that it was computed from.</summary>
    /// <param name="output">A recorded variable; a scalar unless a cotangent is given.</param>
    /// <param name="cotangent">What flows into the output, same shape; 1 if left out.</param>
    /// <exception cref="InvalidOperationException">
    /// The output was not recorded on this tape since it was last cleared, or a value that a pullback reads was changed since.
    /// </exception>
    /// <exception cref="ShapeException">The output is no scalar and no cotangent is given, or the cotangent has another shape.</exception>
    /// <exception cref="NonFiniteException">A gradient is not finite, and <see cref="ChecksFinite"/> is set.</exception>
    public void Backward(Variable<T> output, Tensor<T>? cotangent = null) => Backward(output, cotangent, targets: null);

    /// <summary>
    /// The same towards some variables alone: what does not lie between them and the output gets no gradient and costs no work. So
    /// two losses on one tape can each have parameters of their own.
    /// </summary>
    /// <param name="output">A recorded variable; a scalar unless a cotangent is given.</param>
    /// <param name="towards">Parameters, inputs or recorded variables that the output was computed from.</param>
    /// <param name="cotangent">What flows into the output, same shape; 1 if left out.</param>
    /// <exception cref="InvalidOperationException">
    /// One of them is a constant, or the output was not computed from it on this tape since it was last cleared, or a value that a
    /// pullback reads was changed since.
    /// </exception>
    /// <inheritdoc cref="Backward(Variable{T}, Tensor{T}?)"/>
    public void Backward<TVariable>(Variable<T> output, IEnumerable<TVariable> towards, Tensor<T>? cotangent = null)
        where TVariable : Variable<T> => Backward(output, cotangent, targets: [.. towards]);

    private void Backward(Variable<T> output, Tensor<T>? cotangent, HashSet<Variable<T>>? targets)
    {
        var last = entries.FindLastIndex(entry => Array.IndexOf(entry.Outputs, output) >= 0);
        var wanted = targets is null ? null : Downstream(targets, output, last);
        if (last < 0) throw new InvalidOperationException(
            output.Tape == this && output.Pass != Arena.Epoch ? $"'{output.Name}' belongs to a pass that has ended; go backward before "
            + "the tape is cleared." : $"'{output.Name}' depends on no parameter or input of this tape; record it here, after the last "
            + "Clear() and not in inference, and then go backward.");
        cotangent ??= output.Value.Length == 1 ? Tensor<T>.RentFilled(Arena, output.Shape, T.One) : throw new ShapeException(
            $"'{output.Name}' is {output.Shape}, not a scalar; pass a cotangent of that shape.");
        ShapeException.ThrowIfNot(cotangent.Shape, output.Shape, "cotangent", $"it flows into '{output.Name}'");

        foreach (var input in inputs) input.Gradient = null;
        foreach (var entry in entries)
            foreach (var made in entry.Outputs) made.Gradient = null;
        output.Gradient = cotangent;
        for (var i = last; i >= 0; i--)
        {
            var (outputs, from, first, ofOne, ofMany) = entries[i];
            if (Array.TrueForAll(outputs, made => made.Gradient is null)) continue;
            ThrowIfChanged(outputs[0], from, first);
            var gradients = new Gradients<T>(from, Arena, wanted);
            if (ofOne is not null) ofOne(outputs[0].Gradient!, gradients);
            else ofMany!(Array.ConvertAll(outputs, made => made.Gradient), gradients);
            Watcher?.Invoke(outputs[0], true);
            if (ChecksFinite && gradients.FirstNonFinite() is { } bad) throw new NonFiniteException(
                $"the pullback of '{outputs[0].Name}' made a gradient of '{bad.Name}' {bad.Shape} that is not finite.");
            if (KeepsGradients) continue;
            foreach (var made in outputs)
                if (made != output && targets?.Contains(made) != true) made.GiveGradientBack(Arena);
        }
    }

    /// <summary>The targets, each of which must lead to the output, and all that was computed from them.</summary>
    private HashSet<Variable<T>> Downstream(HashSet<Variable<T>> targets, Variable<T> output, int last)
    {
        leading.Clear();
        downstream.Clear();
        Predicate<Variable<T>> leads = leading.Contains, follows = downstream.Contains;
        leading.Add(output);
        for (var i = last; i >= 0; i--)
            if (Array.Exists(entries[i].Outputs, leads)) leading.UnionWith(entries[i].Inputs);
        if (targets.FirstOrDefault(target => !target.WantsGradient || !leading.Contains(target)) is { } lost)
            throw new InvalidOperationException(
                $"'{lost.Name}' {lost.Shape} is a constant, or '{output.Name}' was not computed from it on this tape since its "
                + "last Clear(); go towards what the output depends on.");
        downstream.UnionWith(targets);
        foreach (var entry in entries)
            if (Array.Exists(entry.Inputs, follows)) downstream.UnionWith(entry.Outputs);
        return downstream;
    }

    /// <summary>Ends the pass: forgets the rules and gives all rented memory back.</summary>
    public void Clear()
    {
        entries.Clear();
        versions.Clear();
        inputs.Clear();
        leading.Clear();
        downstream.Clear();
        Arena.Release();
    }
}
