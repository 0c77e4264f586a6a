using Hybrid.Rules;

namespace Hybrid.Autodiff;

/// <content>Arithmetic, so that a formula reads as in its paper; shapes broadcast as in <see cref="Rules.Add"/>.</content>
public partial class Variable<T>
{
    /// <summary>a + b.</summary>
    public static Variable<T> operator +(Variable<T> a, Variable<T> b) => a.Add(b);

    /// <summary>factor x.</summary>
    public static Variable<T> operator *(double factor, Variable<T> x) => x.Scale(factor);
}
